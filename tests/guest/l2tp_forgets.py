"""The image's xl2tpd, without IPsec before it, against clients that break RFC 2661 or go without a
word. Inside a guest; usage: l2tp_forgets.py ROOT with the unpacked xl2tpd and libc6."""
import contextlib
import itertools
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from fixture import check, eventually, main  # noqa: E402

ROOT = pathlib.Path(sys.argv.pop(1))
SCCRQ, SCCRP, SCCCN, STOPCCN, HELLO, ICRQ, ICRP, CDN = 1, 2, 3, 4, 6, 10, 11, 14
OCRQ, OCCN, TYPES = 7, 9, range(1, 18)
MINUTE = 60
# What is sent five times in growing distances, and then the end that is sent as often.
NO_ANSWER = 31 + 31
CONFIGURATION = """[global]
port = {port}
auth file = /dev/null
access control = no
[lns default]
ip range = 10.9.2.10-10.9.2.200
local ip = 10.9.0.1
name = lethe
pppoptfile = /dev/null
length bit = yes
"""


def avp(kind, value, mandatory=True):
    return struct.pack("!HHH", (0x8000 if mandatory else 0) | 6 + len(value), 0, kind) + value


def number(kind, value, form="H"):
    return avp(kind, struct.pack("!" + form, value))


class Client:
    """A client with a port of its own; `ahead` is added to what it acknowledges after its first."""

    tunnels = itertools.count(1)  # xl2tpd tells tunnels of one address apart by these

    def __init__(self, server, ahead=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.to = ("127.0.0.1", server.port)
        self.tunnel, self.ahead = next(self.tunnels), ahead
        self.theirs, self.ns, self.nr = 0, 0, 0

    def say(self, kind, attributes=b"", session=0, mandatory=True):
        """A message; the empty one where kind is None."""
        body = b"" if kind is None else avp(0, struct.pack("!H", kind), mandatory) + attributes
        nr = self.nr + (self.ahead if self.ns else 0) & 0xffff
        self.socket.sendto(struct.pack("!6H", 0xc802, 12 + len(body), self.theirs, session, self.ns,
                                       nr) + body, self.to)
        if kind is not None:
            self.ns = self.ns + 1 & 0xffff

    def begin(self):
        """Until the server has its tunnel, and waits for the word that the client has it."""
        self.say(SCCRQ, number(2, 0x0100) + number(3, 3, "I") + avp(7, b"client")
                 + number(9, self.tunnel) + number(10, 4))
        self.theirs = struct.unpack("!H", self.expect(SCCRP)[9])[0]

    def call(self, session):
        self.say(ICRQ, number(14, session) + number(15, session, "I"))

    def hear(self, seconds=5):
        """The next new message's type and attributes; "" for the empty one, None for silence."""
        end = time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            packet = self.socket.recv(2048)
            ns = struct.unpack_from("!H", packet, 8)[0]
            if len(packet) == 12:
                return "", {}
            if ns != self.nr:
                continue  # again
            self.nr = self.nr + 1 & 0xffff
            attributes, at = {}, 12
            while at < len(packet):
                size = struct.unpack_from("!H", packet, at)[0] & 0x3ff
                attributes[struct.unpack_from("!H", packet, at + 4)[0]] = packet[at + 6:at + size]
                at += size
            return struct.unpack("!H", attributes[0])[0], attributes
        return None, {}

    def expect(self, kind, seconds=10):
        """Hears until this one, or fails."""
        end = time.monotonic() + seconds
        seen = []
        while time.monotonic() < end:
            heard, attributes = self.hear(end - time.monotonic())
            if heard == kind:
                return attributes
            if heard is not None:
                seen.append(heard)
            if heard:
                self.say(None)
        raise AssertionError(f"no message {kind} within {seconds} s, but {seen}")

    def up(self):
        """Until its tunnel is there, for both."""
        self.begin()
        self.say(SCCCN)
        return self

    def is_remembered(self):
        """Whether the server knows its tunnel: it acknowledges a Hello then."""
        while self.hear(0)[0] is not None:
            pass
        self.say(HELLO)
        return self.hear(2)[0] is not None


class Server:
    def __init__(self, port):
        self.port = port

    def __enter__(self):
        folder = ROOT / "run" / str(self.port)
        folder.mkdir(parents=True)
        (folder / "conf").write_text(CONFIGURATION.format(port=self.port))
        inside = f"/run/{self.port}"
        self.said = open(folder / "said", "wb")
        self.process = subprocess.Popen(
            ["chroot", ROOT, "/usr/sbin/xl2tpd", "-D", "-c", f"{inside}/conf"],
            stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)
        eventually(lambda: f":{self.port}" in subprocess.run(
            ["ss", "-Huln"], capture_output=True, text=True, check=True).stdout, "xl2tpd listens")
        self.before = self.descriptors()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.said.close()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def expect_alive(self):
        check(self.process.poll() is None, f"xl2tpd ended with {self.process.returncode}")
        check(os.path.getsize(self.said.name) == 0, pathlib.Path(self.said.name).read_bytes())


def what_its_type_forbids_is_not_carried_out():
    """Not even where the attribute that names it is not marked mandatory."""
    with Server(1701) as server:
        for kind in TYPES:
            for mandatory in (False, True):
                stranger = Client(server)
                stranger.say(kind, number(14, 1) + number(15, 1, "I"), mandatory=mandatory)
                client = Client(server).up()
                client.say(kind, number(14, 1), mandatory=mandatory)
                client.hear(0.1)
                server.expect_alive()
        for kind in (SCCCN, ICRP, OCRQ, OCCN):
            client = Client(server).up()
            client.say(kind, number(14, 1), mandatory=False)
            client.expect(STOPCCN)
        Client(server).up().call(1)
        server.expect_alive()


def a_tunnel_has_four_calls():
    with Server(1702) as server:
        client = Client(server).up()
        for session in range(1, 5):
            client.call(session)
            client.expect(ICRP)
        client.call(5)
        client.expect(STOPCCN)
        Client(server).up().call(1)
        server.expect_alive()


def who_does_not_go_on_is_forgotten():
    with contextlib.ExitStack() as stack:
        # One alone: nothing else wakes the server. And one that is looked at before its minute is
        # over, at a server of its own.
        alone, early, busy = (stack.enter_context(Server(port)) for port in (1703, 1704, 1705))
        quiet, looked_at = Client(alone), Client(early)
        start = time.monotonic()
        for client in (quiet, looked_at):
            client.begin()
            client.say(None)  # it has all that was sent
        # What was never sent is acknowledged; then nothing.
        ahead = [Client(busy, ahead=n).up() for n in (1, 3, 30_000, 40_000, 65_535)]
        # A call that is begun, in a tunnel whose client goes on answering.
        caller = Client(busy).up()
        caller.call(1)
        caller.expect(ICRP)
        caller.say(None)
        check(busy.descriptors() > busy.before, "a tunnel takes no descriptor")
        time.sleep(max(0, start + MINUTE - 20 - time.monotonic()))
        check(looked_at.is_remembered(), "it has a minute")
        time.sleep(max(0, start + MINUTE + 10 - time.monotonic()))
        check(not quiet.is_remembered(), "a tunnel that did not come about")
        check(not looked_at.is_remembered(), "the same, where somebody looked")
        caller.expect(CDN, 2 * MINUTE)
        check(caller.is_remembered(), "its tunnel goes on")
        time.sleep(max(0, start + MINUTE + NO_ANSWER + 20 - time.monotonic()))
        for client in ahead:
            check(not client.is_remembered(), f"acknowledged {client.ahead} ahead")
        caller.say(STOPCCN, number(9, caller.tunnel) + avp(1, struct.pack("!H", 1)))
        eventually(lambda: busy.descriptors() == busy.before,
                   f"{busy.before} descriptors, now {busy.descriptors()}")
        for server in (alone, early, busy):
            server.expect_alive()


main(what_its_type_forbids_is_not_carried_out, a_tunnel_has_four_calls,
     who_does_not_go_on_is_forgotten)
