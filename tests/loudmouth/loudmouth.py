"""A daemon that tries every way to say something, and reports what became of each: a JSON object in
the file that its argument names. Outcomes are "reached" or the name of the error."""
import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
CALLS = {"syslog": 103, "mount": 165, "ptrace": 101, "unshare": 272, "add_key": 248, "keyctl": 250,
         "memfd_create": 319, "bpf": 321, "perf_event_open": 298, "io_uring_setup": 425,
         "open_by_handle_at": 304, "setns": 308, "kexec_load": 246, "acct": 163, "swapon": 167,
         "userfaultfd": 323, "fsopen": 430, "init_module": 175, "process_vm_readv": 310,
         "settimeofday": 164, "reboot": 169}
NETLINK_AUDIT, NETLINK_ROUTE, AF_VSOCK, AF_TIPC = 9, 0, 40, 30


def outcome(attempt):
    try:
        attempt()
        return "reached"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))


def call(name, *arguments):
    ctypes.set_errno(0)
    if libc.syscall(CALLS[name], *arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def write_to(path, create=False):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | (os.O_CREAT if create else 0))
    os.write(fd, b"client 198.51.100.7 connected\n")
    os.close(fd)


def say_to(path, kind):
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.connect(path)
        s.send(b"<30>daemon: client 198.51.100.7 connected")


def make_socket(family, kind, protocol=0):
    socket.socket(family, kind, protocol).close()


def clone_into_namespace():
    # clone(2) with CLONE_NEWUSER, as unshare(2) is not the only way.
    pid = libc.syscall(56, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "")
    os.waitpid(pid, 0)


def raise_core_limit():
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    except ValueError as error:  # above the hard limit
        raise OSError(errno.EPERM, "") from error


def message_queue():
    name = b"/loudmouth"
    fd = libc.mq_open(name, os.O_CREAT | os.O_WRONLY, 0o600, None)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "")
    libc.mq_unlink(name)


def attempts():
    out = {f"fd {n}": lambda n=n: os.write(n, b"client 198.51.100.7 connected\n") for n in (1, 2)}
    for path in ("/dev/log", "/run/systemd/journal/dev-log", "/run/systemd/journal/socket",
                 "/run/systemd/journal/syslog"):
        out[path] = lambda path=path: say_to(path, socket.SOCK_DGRAM)
    out["/run/systemd/journal/stdout"] = lambda: say_to("/run/systemd/journal/stdout",
                                                        socket.SOCK_STREAM)
    out["abstract socket"] = lambda: say_to("\0loudmouth-log", socket.SOCK_DGRAM)
    for path in ("/dev/kmsg", "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/ttyS0", "/dev/ptmx",
                 "/run/utmp", "/var/run/utmp", "/var/log/wtmp", "/var/log/btmp",
                 "/var/log/lastlog", "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern",
                 "/sys/power/state"):
        out[path] = lambda path=path: write_to(path)
    for folder in ("/", "/usr", "/etc", "/dev", "/var/log", "/var/tmp", "/tmp", "/run",
                   "/home", "/root", "/opt", "/dev/shm", "/proc/self", "/usr/local"):
        out[f"file in {folder}"] = lambda folder=folder: write_to(f"{folder}/loudmouth", True)
    pointer = ctypes.create_string_buffer(4096)
    arguments = {"syslog": (10, None, 0), "mount": (b"x", b"/run", b"tmpfs", 0, None),
                 "ptrace": (16, os.getppid(), 0, 0), "unshare": (0x20000,),
                 "add_key": (b"user", b"client", b"198.51.100.7", 12, -5), "keyctl": (0, -5, 1),
                 "memfd_create": (b"log", 0), "bpf": (0, pointer, 72), "acct": (b"/tmp/acct",),
                 "perf_event_open": (pointer, 0, -1, -1, 0), "io_uring_setup": (1, pointer),
                 "open_by_handle_at": (0, pointer, 0), "setns": (0, 0),
                 "kexec_load": (0, 0, None, 0), "swapon": (b"/tmp/x", 0), "userfaultfd": (0,),
                 "fsopen": (b"tmpfs", 0), "init_module": (pointer, 0, b""),
                 "process_vm_readv": (os.getppid(), None, 0, None, 0, 0),
                 "settimeofday": (None, None), "reboot": (0, 0, 0)}
    if "--harmless" in sys.argv:  # outside a sandbox
        for name in ("reboot", "kexec_load", "swapon", "acct", "init_module", "ptrace"):
            del arguments[name]
        for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/sys/power/state"):
            del out[path]
    for name, values in arguments.items():
        out[f"call {name}"] = lambda name=name, values=values: call(name, *values)
    out["namespace by clone"] = clone_into_namespace
    for name, family, kind, protocol in (
            ("audit", socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT),
            ("route", socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE),
            ("packet", socket.AF_PACKET, socket.SOCK_RAW, 0),
            ("raw", socket.AF_INET, socket.SOCK_RAW, 1),
            ("inet", socket.AF_INET, socket.SOCK_DGRAM, 0),
            ("inet6", socket.AF_INET6, socket.SOCK_DGRAM, 0),
            ("unix", socket.AF_UNIX, socket.SOCK_DGRAM, 0),
            ("vsock", AF_VSOCK, socket.SOCK_STREAM, 0), ("tipc", AF_TIPC, socket.SOCK_DGRAM, 0)):
        out[f"socket {name}"] = lambda f=family, k=kind, p=protocol: make_socket(f, k, p)
    out["core limit"] = raise_core_limit
    out["message queue"] = message_queue
    out["signal to its manager"] = lambda: os.kill(os.getppid(), 0)
    return out


results = {name: outcome(attempt) for name, attempt in attempts().items()}
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(results, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(1000 if "--harmless" not in sys.argv else 0)
