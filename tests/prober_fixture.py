"""lethe-prober against real servers in a network namespace of the test's own, and against servers
that answer nonsense, too late or not at all. Needs root."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from fixture import check

TOP = pathlib.Path(__file__).resolve().parent.parent
PROBER = pathlib.Path(os.environ.get("LETHE_PROBER") or TOP / "build/release/bin/lethe-prober")
READY, USAGE, MALFORMED, NOT_READY = 0, 2, 4, 5

# usage: PORT udp|tcp HOW; tells when it listens. `noise` answers with random bytes, `silent` with
# nothing, `first` forwards to another port on this host as many packets as it is told, and no more,
# `lossy` forwards to another port and drops every Nth packet each way, and doubles answers.
STRANGER = """
import os, select, socket, sys
port, kind, how = int(sys.argv[1]), sys.argv[2], sys.argv[3]
udp = kind == "udp"
own = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
own.bind(("::", port))
if not udp:
    own.listen()
print("up", flush=True)
if how == "first":
    target, left = int(sys.argv[4]), int(sys.argv[5])
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there.connect(("127.0.0.1", target))
    client = None
    while True:
        for one in select.select([own, there], [], [])[0]:
            if one is own:
                packet, client = own.recvfrom(65536)
                there.send(packet)
            elif left > 0:
                left -= 1
                own.sendto(there.recv(65536), client)
            else:
                there.recv(65536)
if how == "lossy":
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there.connect(("127.0.0.1", int(sys.argv[4])))
    client, seen = None, {own: 0, there: 0}
    while True:
        for one in select.select([own, there], [], [])[0]:
            packet, peer = one.recvfrom(65536)
            client = peer if one is own else client
            seen[one] += 1
            if seen[one] % int(sys.argv[5]) == 0:
                continue
            if one is own:
                there.send(packet)
            else:
                own.sendto(packet, client)
                own.sendto(packet, client)
while True:
    if udp:
        _, peer = own.recvfrom(65536)
        if how == "noise":
            own.sendto(os.urandom(100), peer)
    else:
        stream, _ = own.accept()
        if how == "noise":
            stream.sendall(b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n" + os.urandom(100))
        elif how == "close":
            stream.close()
"""


def namespace():
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 100000"],
        stdout=subprocess.PIPE)
    check(holder.stdout.readline() == b"up\n", "no network namespace")
    return holder


class Network:
    """A network namespace for servers, a folder, and processes that end with it. The prober runs
    there too, or, where `far` says which addresses the servers have, in one beside it, from which
    nothing leads to them but those."""

    def __init__(self, far=()):
        self.far = far

    def __enter__(self):
        check(PROBER.exists(), f"no {PROBER}: build it")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lethe-prober-"))
        self.processes = []
        self.holder = self.outside = namespace()
        if self.far:
            self.outside = namespace()
            self.join()
        return self

    def join(self):
        self.run("ip", "link", "add", "outer", "type", "veth", "peer", "name", "far", "netns",
                 self.outside.pid)
        for holder, name, last in ((self.holder, "outer", None), (self.outside, "far", "77")):
            for address in self.far:
                host, prefix = address.rsplit("/", 1)
                near = host if last is None else host[:-1] + last
                subprocess.run(self.enter("ip", "address", "add", f"{near}/{prefix}", "dev", name,
                                          *(["nodad"] if ":" in near else []), inside=holder),
                               check=True)
            subprocess.run(self.enter("ip", "link", "set", name, "up", inside=holder), check=True)

    def __exit__(self, *error):
        for process in [*reversed(self.processes), self.holder, self.outside]:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        shutil.rmtree(self.folder)

    def enter(self, *words, inside=None):
        pid = (inside or self.holder).pid
        return ["nsenter", f"--net=/proc/{pid}/ns/net", *(str(word) for word in words)]

    def run(self, *words, given=None):
        done = subprocess.run(self.enter(*words), input=given, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        check(done.returncode == 0, f"{words}: {done.returncode}: {done.stdout}")
        return done.stdout.strip()

    def background(self, *words, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(self.enter(*words), stdin=subprocess.DEVNULL, cwd=self.folder,
                                   **options)
        self.processes.append(process)
        return process

    def stranger(self, port, kind, *how):
        process = self.background("python3", "-c", STRANGER, port, kind, *how,
                                  stdout=subprocess.PIPE)
        check(process.stdout.readline() == b"up\n", "no stranger")
        return process

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def call(self, *words):
        """Exit code, standard output, standard error."""
        done = subprocess.run(self.enter(PROBER, *words, inside=self.outside),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, cwd=self.folder, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def probe(self, **files):
        """Probes the targets, all at once; what it says of each, by name."""
        paths = [self.write(f"{name}.toml", text) for name, text in files.items()]
        code, out, error = self.call("--json", *paths)
        check(error == "", error)
        said = json.loads(out)
        check(code == (READY if said["ready"] else NOT_READY), (code, out))
        check(said["ready"] == all(one["ready"] for one in said["targets"]), out)
        return {one["name"]: one for one in said["targets"]}

    def expect(self, reasons, **files):
        said = self.probe(**files)
        check({name: one["reason"] for name, one in said.items()} == reasons,
              "\n".join(f"{name}: {one}" for name, one in said.items()))
        for name, one in said.items():
            check(one["ready"] == (one["reason"] == "ready"), one)
            if one["ready"]:
                check(one["handshake_ms"] > 0 and one["round_trip_ms"] > 0, one)
                print(f"{name}: handshake {one['handshake_ms']:.1f} ms, round trip "
                      f"{one['round_trip_ms']:.1f} ms")
        return said


def target(protocol, table, *, port, address="127.0.0.1", inner="10.9.0.1", kind="ping",
           timeout_ms=10000, **top):
    """The text of a credential file; `table` is that of the protocol."""
    lines = [f'protocol = "{protocol}"', f'address = "{address}"', f"port = {port}",
             f"timeout_ms = {timeout_ms}", *(f"{key} = {value}" for key, value in top.items()),
             "[round_trip]", f'kind = "{kind}"', f'address = "{inner}"',
             f"[{protocol.removesuffix('-udp').removesuffix('-tcp')}]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"
