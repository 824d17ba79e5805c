#!/usr/bin/env python3
"""Runs an OpenVPN server and its clients through what servers go through, and counts the bytes that
the server says on its outputs, without reading them.

Usage: openvpn_session.py FOLDER PROTO VERB [ROOT], in name spaces of its own (unshare: user, net,
mount, pid). FOLDER has the keys that `make_keys` of openvpn_says_nothing made. The server is
/usr/sbin/openvpn, inside ROOT where that is given. Prints JSON: what the server said per step, and
the numbers of clients that it counted. Fails where a step does not go as it must.
"""
import ctypes
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from fixture import eventually  # noqa: E402

PORT = 1194
SERVER, CLIENT, INSIDE = "192.0.2.1", "192.0.2.2", "10.8.0.1"
CONFIG = """dev tun
topology subnet
server 10.8.0.0 255.255.255.0
port 1194
cert server.crt
key server.key
dh none
verify-client-cert require
auth-user-pass-verify ./check via-file
auth-gen-token
script-security 2
tmp-dir .
keepalive 1 4
persist-tun
persist-key
"""
CLIENT_CONFIG = """client
dev tun
nobind
remote 192.0.2.1 1194
auth-user-pass {password}
auth-nocache
cert {name}.crt
key {name}.key
connect-retry 1 1
server-poll-timeout 3
hand-window 6
verb 0
"""


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def has_device(name):
    with open("/proc/self/net/dev", encoding="ascii") as f:
        return any(line.strip().startswith(name + ":") for line in f)


class Pipe:
    """Counts what comes through it; `keep` also keeps it."""

    def __init__(self, keep=False):
        self.read, self.write = os.pipe()
        self.count, self.kept = 0, b""
        self.keep = keep
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        null = os.open("/dev/null", os.O_WRONLY)
        while True:
            if self.keep:
                piece = os.read(self.read, 4096)
                self.kept += piece
                taken = len(piece)
            else:
                taken = os.splice(self.read, null, 1 << 16)
            if taken == 0:
                return
            self.count += taken


class Session:
    def __init__(self, folder, proto, verb, root):
        self.folder, self.proto, self.verb, self.root = folder, proto, verb, root
        self.said, self.counter = Pipe(), Pipe(keep=True)
        self.steps = {}
        self.prints = {name: self.fingerprint(name) for name in ("server", "client")}

    def fingerprint(self, name):
        with open(f"{self.folder}/{name}.fingerprint", encoding="ascii") as f:
            return f.read().strip()

    def step(self, name, before):
        time.sleep(0.2)
        self.steps[name] = self.said.count - before

    def make_network(self):
        run("ip", "link", "set", "lo", "up")
        self.far = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        own = os.readlink("/proc/self/ns/net")
        eventually(lambda: os.readlink(f"/proc/{self.far.pid}/ns/net") != own, "a net name space")
        run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns",
            str(self.far.pid))
        run("ip", "address", "add", SERVER + "/24", "dev", "near")
        run("ip", "link", "set", "near", "up")
        self.at_client("ip", "link", "set", "lo", "up")
        self.at_client("ip", "address", "add", CLIENT + "/24", "dev", "far")
        self.at_client("ip", "link", "set", "far", "up")

    def far_command(self, *command):
        return ["nsenter", "-t", str(self.far.pid), "-n", *command]

    def at_client(self, *command):
        run(*self.far_command(*command))

    def write_config(self):
        with open(self.folder + "/server.conf", "w", encoding="ascii") as f:
            f.write(CONFIG + f"peer-fingerprint \"{self.prints['client']}\"\n")
            if self.proto == "udp":
                f.write("proto udp\nexplicit-exit-notify 1\n")
            else:
                f.write("proto tcp-server\n")

    def enter_root(self):
        if self.root:
            os.chroot(self.root)
            os.chdir("/work")

    def start_server(self):
        os.set_inheritable(self.counter.write, True)
        self.server = subprocess.Popen(
            ["/usr/sbin/openvpn", "--config", "server.conf", "--verb", self.verb],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.said.write,
            stderr=self.said.write, preexec_fn=self.enter_root, pass_fds=(self.counter.write,),
            env={"LETHE_COUNTER_FD": str(self.counter.write), "PATH": "/usr/sbin:/usr/bin"})
        eventually(lambda: has_device("tun0") or self.server.poll() is not None,
                   "the server's tun device")
        self.alive("at start")

    def alive(self, when):
        if self.server.poll() is not None:
            sys.exit(f"openvpn_session: the server ended {when}: {self.server.returncode}")

    def start_client(self, name, password):
        with open(f"{self.folder}/{name}-{password}.conf", "w", encoding="ascii") as f:
            f.write(CLIENT_CONFIG.format(name=name, password=password))
            f.write("proto udp\n" if self.proto == "udp" else "proto tcp-client\n")
            f.write(f"peer-fingerprint \"{self.prints['server']}\"\n")
        return subprocess.Popen(
            self.far_command("/usr/sbin/openvpn", "--config", f"{name}-{password}.conf"),
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def pings(self):
        return subprocess.run(self.far_command("ping", "-c", "1", "-W", "1", INSIDE),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0

    def in_far(self, work):
        """Runs `work` in the client's net name space, in a process of its own."""
        child = os.fork()
        if child == 0:
            space = os.open(f"/proc/{self.far.pid}/ns/net", os.O_RDONLY)
            if ctypes.CDLL(None, use_errno=True).setns(space, 0) != 0:
                os._exit(1)
            work()
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(f"openvpn_session: {work.__name__} failed")

    def malformed(self):
        """What no client sends: noise, cut packets, every opcode, a reset again and again."""
        reset = bytes([7 << 3]) + b"ABCDEFGH" + bytes(5)
        packets = [bytes([op << 3]) + os.urandom(size) for op in range(32) for size in (0, 13, 90)]
        packets += [reset[:n] for n in range(1, len(reset))] + [reset] * 20
        kind = socket.SOCK_DGRAM if self.proto == "udp" else socket.SOCK_STREAM
        one = None
        for packet in packets:
            if one is None or self.proto != "udp":
                one = socket.socket(socket.AF_INET, kind)
                one.connect((SERVER, PORT))
            one.send(packet if self.proto == "udp" else struct.pack("!H", len(packet)) + packet)

    def replay(self):
        """Takes packets of the connected client from the wire and sends each again."""
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
        wire.bind(("far", 0))
        wire.settimeout(0.2)
        pinging = subprocess.Popen(["ping", "-c", "4", "-i", "0.2", INSIDE],
                                   stdout=subprocess.DEVNULL)
        seen, end = [], time.monotonic() + 2
        while time.monotonic() < end:
            try:
                frame = wire.recv(65536)
            except TimeoutError:
                continue
            if frame[12:14] == b"\x08\x00" and frame[26:30] == socket.inet_aton(CLIENT):
                seen.append(frame)
        pinging.wait()
        assert len(seen) >= 4, "the wire had no packets of the client"
        for frame in seen * 3:
            wire.send(frame)

    def ends(self, client, what):
        """A refused client ends or does not come through; it is gone afterwards."""
        try:
            client.wait(2)
        except subprocess.TimeoutExpired:
            pass
        assert not self.pings(), what + " came through"
        client.kill()
        client.wait()

    def counted(self):
        body = self.counter.kept
        return list(struct.unpack(f"={len(body) // 4}I", body[:len(body) // 4 * 4]))

    def go(self):
        self.make_network()
        self.write_config()
        self.start_server()
        self.step("start", 0)
        before = self.said.count
        self.ends(self.start_client("stranger", "right"), "a client with a wrong certificate")
        self.step("wrong certificate", before)
        before = self.said.count
        self.ends(self.start_client("client", "wrong"), "a client with a wrong password")
        self.step("wrong password", before)
        before = self.said.count
        client = self.start_client("client", "right")
        eventually(self.pings, "the tunnel")
        self.step("connect", before)
        before = self.said.count
        self.in_far(self.malformed)
        self.step("malformed", before)
        self.alive("after malformed packets")
        before = self.said.count
        self.in_far(self.replay)
        self.step("replay", before)
        eventually(self.pings, "the tunnel after replays")
        for name in ("SIGUSR2", "SIGUSR1", "SIGHUP"):
            before = self.said.count
            self.server.send_signal(getattr(signal, name))
            time.sleep(1)
            self.alive("after " + name)
            eventually(self.pings, "the tunnel after " + name, 40)
            self.step(name, before)
        before = self.said.count
        self.server.send_signal(signal.SIGTERM)
        code = self.server.wait(20)
        assert code == 0, f"SIGTERM: exit {code}"
        self.step("SIGTERM", before)
        client.kill()
        self.far.kill()
        return {"said": self.steps, "all": self.said.count, "counted": self.counted(),
                "counter_bytes": len(self.counter.kept)}


def main():
    if len(sys.argv) not in (4, 5) or not re.fullmatch("udp|tcp", sys.argv[2]):
        sys.exit(__doc__)
    root = sys.argv[4] if len(sys.argv) == 5 else ""
    print(json.dumps(Session(*sys.argv[1:4], root).go()))


if __name__ == "__main__":
    main()
