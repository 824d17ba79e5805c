"""How long many peers take, that a session goes on meanwhile, and that they go away quickly. Inside
a guest. Run by itself: wireguard_crowd.py COUNT."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wireguard_lab import Client, Server, check, crowd, lost  # noqa: E402


def crowded(server, client, count):
    """Many peers: only what differs is changed, and a session goes on meanwhile."""
    lines = crowd(count)
    _, first = server.change("replace-all", [*lines, client.line()])
    own, kernel = server.times()
    print(f"{count} peers: first {first:.2f} s, of which the program {own:.2f} s and the kernel "
          f"{kernel:.2f} s", flush=True)
    check(client.ping(20), "no session")
    pings = client.pings(0.2, "/tmp/crowd")
    _, same = server.change("replace-all", [*lines, client.line()])
    begin = time.monotonic()
    check(len(server.judge()) == count + 2, "not all are there")
    dump = time.monotonic() - begin
    one_percent = crowd(count // 100) + lines[count // 100:]
    _, few = server.change("replace-all", [*one_percent, client.line()])
    sent, missing = lost(pings, "/tmp/crowd")
    check(missing == 0, f"{missing} of {sent} packets lost")
    print(f"{count} peers: the same again {same:.2f} s, 1 % of them others "
          f"{few:.2f} s, `wg show dump` {dump:.2f} s", flush=True)
    _, without = server.change("remove", [client.public])
    _, others = server.change("replace-all", crowd(count))
    print(f"{count} peers: one removed {without:.2f} s, all others {others:.2f} s", flush=True)
    server.signal(signal.SIGKILL)
    server.wait()
    begin = time.monotonic()
    server.start()
    print(f"{count} peers: taken over in {time.monotonic() - begin:.2f} s", flush=True)
    pid = server.process.pid
    memory = [line for line in open(f"/proc/{pid}/status", encoding="ascii") if "VmHWM" in line]
    print(f"{count} peers: {memory[0].split()[1]} kB at most", flush=True)
    check(len(server.peers()) == count, "not all were taken over")
    begin = time.monotonic()
    server.stop()
    took = time.monotonic() - begin
    print(f"{count} peers: stopped in {took:.2f} s", flush=True)
    check(took < others + 10, f"{took:.0f} s to stop")


def main(count):
    server = Server("wg1", 51821, ["10.10.0.1/16", "10.64.0.1/10", "fd00:10::1/64"]).start()
    client = Client(1, server, "10.10.0.3")
    crowded(server, client, count)


if __name__ == "__main__":
    main(int(sys.argv[1]))
