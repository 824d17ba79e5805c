"""A running lethe-vpnd with service files of a test's own."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from fixture import check, eventually

TOP = pathlib.Path(__file__).resolve().parent.parent
VPND = pathlib.Path(os.environ.get("LETHE_VPND", TOP / "build/release/bin/lethe-vpnd"))
FAILURE, USAGE, REJECTED, MALFORMED, UNAVAILABLE = 1, 2, 3, 4, 5


def service(command, user="root", tables="", **top):
    """The text of a service file."""
    lines = [f"command = {json.dumps([str(word) for word in command])}", f'user = "{user}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    return "\n".join(lines) + "\n" + tables


class Vpnd:
    """`files` are service files by name. Ends with the block that made it."""

    def __init__(self, files, *options, netns=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lethe-vpnd-"))
        self.folder.chmod(0o755)  # services of other users read their programs here
        self.services = self.folder / "services"
        self.socket = self.folder / "socket"
        self.options = options
        self.process = None
        # A network namespace of its own, with nothing but loopback.
        self.around = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] \
            if netns else []
        self.write(self.services, files)

    @staticmethod
    def write(folder, files):
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, text in files.items():
            (folder / f"{name}.toml").write_text(text)

    def program(self, name, text):
        """A Python program that a service may run; its file has to be in the service's `read`."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self):
        self.process = subprocess.Popen(
            [*self.around, VPND, "run", "--services", self.services, "--socket", self.socket,
             *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        eventually(lambda: self.socket.exists() or self.process.poll() is not None,
                   "the control socket is there")
        if self.process.poll() is not None:
            raise AssertionError(f"lethe-vpnd ended: {self.process.stdout.read().decode()}")
        return self

    def _enter(self, words):
        if not self.around:
            return [str(word) for word in words]
        target = ["nsenter", "--net", "--target", str(self.process.pid)] if self.process else []
        return [*target, *(str(word) for word in words)]

    def inside(self, *words, given=None, may_fail=False):
        """Runs a program in its network namespace; what it says, or None where it fails."""
        done = subprocess.run(self._enter(words), input=given, capture_output=True, text=True)
        check(done.returncode == 0 or may_fail, f"{words}: {done.stderr}")
        return done.stdout.strip() if done.returncode == 0 else None

    def background(self, *words):
        return subprocess.Popen(self._enter(words), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ended(self, seconds=40):
        """Waits for its end by itself: (exit code, all that it said)."""
        out, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, out.decode()

    def ctl(self, *words, code=0, says=""):
        done = subprocess.run([VPND, "ctl", "--socket", self.socket, "--json", *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        check(done.returncode == code and says in done.stdout + done.stderr,
              f"ctl {words}: exit {done.returncode}, wanted {code} and '{says}':\n"
              f"{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout else None

    def status(self, name=None):
        services = {entry["name"]: entry for entry in self.ctl("status")["services"]}
        return services[name] if name else services

    def wait_for(self, name, state, seconds=30):
        return eventually(lambda: (s := self.status(name))["state"] == state and s,
                          f"{name} is {state}: {self.status(name)}", seconds)

    def raw(self, packet, count=1, descriptors=()):
        """Sends one packet as it is and returns the answer; None where it was closed."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asker:
            asker.settimeout(10)
            asker.connect(str(self.socket))
            socket.send_fds(asker, [packet], list(descriptors))
            try:
                return asker.recv(65536) or None
            except ConnectionResetError:
                return None

    def processor_share(self, seconds):
        """Of one processor, taken by the manager itself while the caller waits."""
        def used():
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().split()
            return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")

        before, start = used(), time.monotonic()
        time.sleep(seconds)
        return (used() - before) / (time.monotonic() - start)

    def groups(self):
        """The control groups of its services, by name."""
        own = pathlib.Path(f"/proc/{self.process.pid}/cgroup").read_text().splitlines()
        mine = next(line[3:] for line in own if line.startswith("0::"))
        mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        mount = next(line.split()[4] for line in mounts if " - cgroup2 " in line)
        folder = pathlib.Path(f"{mount}{mine}/lethe-vpnd-{self.process.pid}")
        return {path.name: path for path in folder.iterdir() if path.is_dir()}

    def pids(self, name):
        group = self.groups().get(name)
        return [int(pid) for pid in (group / "cgroup.procs").read_text().split()] if group else []
