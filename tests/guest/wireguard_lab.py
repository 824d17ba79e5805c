"""For tests of lethe-wireguard inside a guest: the program with its channels as lethe-vpnd would
run it, clients in network namespaces of their own, and `wg` as the judge."""
import array
import base64
import json
import os
import random
import select
import signal
import socket
import subprocess
import time

PROGRAM = os.environ.get("LETHE_WIREGUARD", "build/release/bin/lethe-wireguard")
RANDOM = random.Random(9)


def check(condition, what):
    if not condition:
        raise SystemExit(f"FAILED: {what}")


def run(*words, code=0, text=None):
    done = subprocess.run([str(w) for w in words], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    check(code is None or done.returncode == code, f"{words}: {done.returncode}: {done.stdout}")
    return done.stdout


def eventually(seconds, what, condition, every=0.2):
    """Returns after how many seconds it held."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if condition():
            return time.monotonic() - begin
        time.sleep(every)
    raise SystemExit(f"FAILED: not within {seconds} s: {what}")


def genkey():
    private = run("wg", "genkey").strip()
    return private, run("wg", "pubkey", text=private).strip()


def some_key():
    """Of nobody: what the kernel takes for a public key."""
    return base64.b64encode(RANDOM.randbytes(31) + b"\x01").decode()


class Server:
    """One lethe-wireguard as its manager sees it."""

    def __init__(self, name, port, addresses, *options, folder="/run"):
        self.name, self.port = name, port
        self.key_file = f"{folder}/{name}.key"
        self.probe_folder = f"{folder}/{name}-scratch"
        self.probe_file = f"{self.probe_folder}/probe"
        private, self.public = genkey()
        self.write_key(private)
        os.makedirs(self.probe_folder, exist_ok=True)
        os.chown(self.probe_folder, 65534, 65534)
        self.options = [str(word) for word in
                        ("--interface", name, "--private-key", self.key_file, "--listen-port", port,
                         "--probe-keys", self.probe_file, *options)]
        for address in addresses:
            self.options += ["--address", address]
        self.process = None

    def write_key(self, private):
        with open(self.key_file, "w", encoding="ascii") as file:
            file.write(private + "\n")
        os.chmod(self.key_file, 0o400)
        os.chown(self.key_file, 65534, 65534)

    def start(self, capability="+net_admin", ready=True):
        """With nobody's user and one capability."""
        self.channel, peers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        notify_read, notify_write = os.pipe()
        self.counter, counter_write = os.pipe()
        os.set_blocking(self.counter, False)
        os.set_blocking(counter_write, False)  # as lethe-vpnd gives it
        self.said, said_write = os.pipe()
        os.set_blocking(self.said, False)
        inner = (peers.fileno(), notify_write, counter_write)
        for fd in inner:
            os.set_inheritable(fd, True)
        keep = ["--inh-caps", f"-all,{capability}", "--ambient-caps", f"-all,{capability}",
                "--bounding-set", f"-all,{capability}"]
        self.process = subprocess.Popen(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs",
             *keep, PROGRAM, *self.options],
            pass_fds=inner, stdin=subprocess.DEVNULL, stdout=said_write, stderr=said_write,
            env={"LETHE_PEERS_FD": str(inner[0]), "LETHE_NOTIFY_FD": str(inner[1]),
                 "LETHE_COUNTER_FD": str(inner[2])})
        peers.close()
        for fd in (notify_write, counter_write, said_write):
            os.close(fd)
        readable, _, _ = select.select([notify_read], [], [], 120)
        told = os.read(notify_read, 10) if readable else b"(nothing)"
        os.close(notify_read)
        check(not ready or told == b"\n", f"{self.name}: {told}, {self.process.poll()}")
        return self

    def wait(self):
        """Its exit code; it said nothing."""
        code = self.process.wait(timeout=900)
        check(os.read(self.said, 100) == b"", f"{self.name} said something")
        for fd in (self.counter, self.said):
            os.close(fd)
        self.channel.close()
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        check(self.wait() == 0, "SIGTERM ends with another code than 0")
        check(self.name not in run("ip", "link"), "the interface is still there")

    def ask(self, action, lines):
        """Sends a file of peers; returns the answer and how long it took."""
        file = os.memfd_create("peers")
        data = lines.encode() if isinstance(lines, str) else "".join(
            line + "\n" for line in lines).encode()
        with os.fdopen(os.dup(file), "wb") as writer:
            writer.write(data)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))]
        begin = time.monotonic()
        self.channel.sendmsg([json.dumps({"action": action}).encode()], rights)
        os.close(file)
        answer = json.loads(self.channel.recv(4096))
        return answer, time.monotonic() - begin

    def change(self, action, lines):
        answer, took = self.ask(action, lines)
        check(answer.get("ok") is True, answer)
        return answer["peers"], took

    def refused(self, code, says, action, lines):
        before = self.judge()
        answer, _ = self.ask(action, lines)
        error = answer.get("error", {})
        check(error.get("code") == code and says in error.get("message", ""), (says, answer))
        check(self.judge() == before, f"'{says}': something changed")

    def counted(self):
        """The last count that it wrote."""
        last = None
        try:
            while True:
                number = os.read(self.counter, 4)
                if not number:
                    break
                last = int.from_bytes(number, "little")
        except BlockingIOError:
            pass
        return last

    def times(self):
        """Seconds of a processor that the program and, for it, the kernel took."""
        fields = open(f"/proc/{self.process.pid}/stat", encoding="ascii").read().split()
        return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[13:15]]

    def probe_keys(self):
        private, public = open(self.probe_file, encoding="ascii").read().split("\n")[:2]
        return private, run("wg", "pubkey", text=private).strip(), public

    def judge(self):
        """By public key: preshared key, endpoint, allowed addresses, handshake, rx, tx; the
        probe's peer too."""
        dump = run("wg", "show", self.name, "dump").splitlines()[1:]
        return {f[0]: f[1:7] for f in (line.split("\t") for line in dump)}

    def peers(self):
        """By public key, allowed addresses; without the probe's."""
        return {key: set(fields[2].split(",")) for key, fields in self.judge().items()
                if fields[2] != "(none)"}

    def remembers(self, key):
        """Whether anything of that peer can be seen."""
        _, endpoint, _, handshake, received, sent = self.judge()[key]
        return endpoint != "(none)" or (handshake, received, sent) != ("0", "0", "0")


class Client:
    """A peer in a network namespace of its own, beside the server's."""

    def __init__(self, number, server, address, preshared=None):
        self.space, self.server, self.address = f"client{number}", server, address
        self.private, self.public = genkey()
        self.preshared = preshared
        outer = f"198.51.100.{4 * number}"
        host, here = (f"198.51.100.{4 * number + i}" for i in (1, 2))
        run("ip", "netns", "add", self.space)
        run("ip", "link", "add", f"out{number}", "type", "veth", "peer", "name", "wan", "netns",
            self.space)
        run("ip", "address", "add", f"{host}/30", "dev", f"out{number}")
        run("ip", "link", "set", f"out{number}", "up")
        self.ip("link", "set", "lo", "up")
        self.ip("address", "add", f"{here}/30", "dev", "wan")
        self.ip("link", "set", "wan", "up")
        self.ip("link", "add", "wg", "type", "wireguard")
        self.ip("address", "add", f"{address}/32", "dev", "wg")
        self.ip("link", "set", "wg", "mtu", "1400", "up")
        self.outer, self.endpoint = outer, f"{host}:{server.port}"
        self.gateway = server.options[server.options.index("--address") + 1].split("/")[0]
        self.ip("route", "add", self.gateway, "dev", "wg")
        self.set_peer()

    def set_peer(self):
        """Anew: a handshake is made with the next packet."""
        self.inside("wg", "set", "wg", "private-key", "/dev/stdin", text=self.private)
        self.inside("wg", "set", "wg", "peer", self.server.public, "remove")
        words = ["wg", "set", "wg", "peer", self.server.public, "endpoint", self.endpoint,
                 "allowed-ips", f"{self.gateway}/32"]
        if self.preshared:
            words += ["preshared-key", "/dev/stdin"]
        self.inside(*words, text=self.preshared)

    def ip(self, *words):
        return run("ip", "-n", self.space, *words)

    def inside(self, *words, **more):
        return run("ip", "netns", "exec", self.space, *words, **more)

    def ping(self, seconds=2):
        words = ["ip", "netns", "exec", self.space, "ping", "-c", "1", "-W", str(seconds),
                 self.gateway]
        return subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode == 0

    def pings(self, every, file):
        """Goes on until it is interrupted; `lost` tells how many were."""
        ping = subprocess.Popen(["ip", "netns", "exec", self.space, "ping", "-q", "-i", str(every),
                                 self.gateway], stdout=open(file, "w", encoding="ascii"))
        name = f"/proc/{ping.pid}/comm"
        eventually(20, "ping runs", lambda: open(name, encoding="ascii").read() == "ping\n")
        time.sleep(1)
        return ping

    def line(self):
        return f"{self.public} {self.preshared or '-'} {self.address}/32"


def lost(pings, file):
    """Packets sent and lost. The last one may still be on its way."""
    pings.send_signal(signal.SIGINT)
    pings.wait(timeout=10)
    said = open(file, encoding="ascii").read()
    check("packets" in said, f"ping said: {said}")
    words = said.split()
    sent = int(words[words.index("packets") - 1])
    received = int(words[words.index("received,") - 1])
    return sent, max(0, sent - received - 1)


def crowd(count):
    """Lines of `count` peers that nobody is, with IPv4 and IPv6 addresses in 10.64.0.0/10."""
    out = []
    for i in range(256, 256 + count):
        v4 = f"10.{64 + (i >> 16)}.{i >> 8 & 255}.{i & 255}"
        out.append(f"{some_key()} - {v4}/32,fd00:10::1:{i >> 16:x}:{i & 65535:x}/128")
    return out
