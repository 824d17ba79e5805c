"""What lethe-wireguard promises, with the kernel's WireGuard and real sessions. Inside a guest."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wireguard_crowd import crowded  # noqa: E402
from wireguard_lab import (Client, Server, check, eventually, genkey, lost, run,  # noqa: E402
                           some_key)

LIMIT = 15  # seconds, of the server that forgets soon; 180 is the other's


def interface(server):
    """The interface is what the options say."""
    said = run("ip", "address", "show", server.name)
    for part in ("10.9.0.1/24", "fd00:9::1/64", "mtu 1380", "UP"):
        check(part in said, f"{part} is missing: {said}")
    port, public = (run("wg", "show", server.name, what).strip()
                    for what in ("listen-port", "public-key"))
    check((port, public) == (str(server.port), server.public), (port, public))
    _, probe, own = server.probe_keys()
    check(own == server.public and list(server.judge()) == [probe], "not the probe's peer alone")
    check(server.judge()[probe][2] == "(none)", "the probe may send")
    mode = os.stat(server.probe_file).st_mode & 0o777
    check(mode == 0o400, f"mode of the probe's keys: {mode:o}")


def files(server):
    """Good files change what they say, bad ones nothing."""
    a, b, c, d = (some_key() for _ in range(4))
    psk = genkey()[0]
    server.change("add", [f"{a} - 10.9.0.100/32", f"{b} {psk} 10.9.0.101/32,fd00:9::101/128"])
    check(server.peers() == {a: {"10.9.0.100/32"}, b: {"10.9.0.101/32", "fd00:9::101/128"}},
          server.peers())
    check(server.judge()[b][0] == psk, "another preshared key")
    bad = [
        ("malformed", "line 2: not a public key", "add", [f"{c} - 10.9.0.103/32", f"{d}"]),
        ("malformed", "line 1: a key is not", "add", ["A - 10.9.0.103/32"]),
        ("malformed", "line 1: an allowed address lies outside", "add", [f"{c} - 10.8.0.1/32"]),
        ("malformed", "line 1: an allowed address is the server's own", "add",
         [f"{c} - 10.9.0.0/24"]),
        ("malformed", "line 1: the key is the server's own", "add",
         [f"{server.public} - 10.9.0.103/32"]),
        ("malformed", "line 3: the key came before", "replace-all",
         [f"{c} - 10.9.0.103/32", f"{d} - 10.9.0.104/32", f"{c} - 10.9.0.105/32"]),
        ("malformed", "line 2: an allowed address overlaps", "replace-all",
         [f"{c} - 10.9.0.103/32", f"{d} - 10.9.0.103/32"]),
        ("conflict", "line 2: an allowed address overlaps", "add",
         [f"{c} - 10.9.0.103/32", f"{d} - 10.9.0.100/32"]),
        ("malformed", "line 1: does not end", "add", f"{c} - 10.9.0.103/32"),
        ("malformed", "line 2: a key is not", "remove", [a, "-"]),
        ("malformed", "add, remove, replace-all", "show", [a]),
    ]
    for code, says, action, lines in bad:
        server.refused(code, says, action, lines)
    server.change("add", [f"{a} - 10.9.0.110/32"])
    check(server.peers()[a] == {"10.9.0.110/32"}, "an added peer keeps its old address")
    # Two peers swap their addresses.
    server.change("replace-all", [f"{a} - 10.9.0.101/32", f"{b} - 10.9.0.110/32"])
    check(server.peers() == {a: {"10.9.0.101/32"}, b: {"10.9.0.110/32"}}, server.peers())
    check(server.judge()[b][0] == "(none)", "a preshared key stays")
    check(server.change("remove", [b, c])[0] == 1, "not one peer left")
    check(server.change("replace-all", [])[0] == 0 and server.peers() == {}, "peers are left")


def forgets(server, client):
    """A peer is forgotten after the limit, not before, keeps its settings, and comes back."""
    server.change("add", [client.line()])
    settings = (server.judge()[client.public][0], server.judge()[client.public][2])
    check(client.ping(10), "no session")
    begin = time.time()
    eventually(5, "the session is counted", lambda: server.counted() == 1)
    while time.time() - begin < LIMIT - 4:
        time.sleep(1)
        check(server.judge()[client.public][1].startswith(client.outer[:10]),
              "forgotten while its session lived")
    handshake = int(server.judge()[client.public][3])
    eventually(20, "it is forgotten", lambda: not server.remembers(client.public))
    check(time.time() - handshake < LIMIT + 3, f"it took {time.time() - handshake:.1f} s")
    check((server.judge()[client.public][0], server.judge()[client.public][2]) == settings,
          "other settings than before")
    eventually(2, "the count", lambda: server.counted() == 0)
    dump = run("wg", "show", server.name, "dump")
    check("198.51.100." not in dump, f"an endpoint is left: {dump}")
    took = eventually(60, "a new handshake", lambda: client.ping(1))
    print(f"forgotten, and back after {took:.0f} s")


def unfinished(server, client):
    """A handshake that is never completed leaves an endpoint, which goes as well."""
    server.change("remove", [client.public])
    server.change("add", [client.line()])
    client.inside("nft", "add table ip deaf; add chain ip deaf input "
                  "{ type filter hook input priority 0; policy drop; }")
    client.set_peer()
    client.ping(1)
    client.ip("link", "set", "wg", "down")
    client.inside("nft", "delete table ip deaf")
    begin = time.time()
    fields = server.judge()[client.public]
    check(fields[1] != "(none)" and fields[3] == "0", f"no unfinished handshake: {fields}")
    eventually(LIMIT + 5, "it is forgotten", lambda: not server.remembers(client.public))
    check(time.time() - begin > LIMIT - 4, "not given its time")
    client.ip("link", "set", "wg", "up")
    client.ip("route", "add", client.gateway, "dev", "wg")


def survives(server, client):
    """kill -9: the interface and its session live on, the next run takes them over."""
    server.change("add", crowd_of_nine())
    client.set_peer()
    check(client.ping(10), "no session")
    before, peers = server.judge()[client.public], server.peers()
    old_probe = server.probe_keys()[1]
    pings = client.pings(0.2, "/tmp/pings")
    server.signal(signal.SIGKILL)
    check(server.wait() == -signal.SIGKILL, "not killed")
    server.start()
    server.change("replace-all", [f"{k} - {','.join(v)}" for k, v in peers.items()
                                  if k != client.public] + [client.line()])
    sent, missing = lost(pings, "/tmp/pings")
    check(sent > 3 and missing == 0, f"{missing} of {sent} packets lost")
    after = server.judge()
    check(server.peers() == peers, "other peers than before")
    check(after[client.public][:4] == before[:4], "another session than before")
    check(old_probe not in after and server.probe_keys()[1] in after, "not the new probe alone")
    eventually(5, "the session is counted", lambda: server.counted() == 1)
    eventually(LIMIT + 10, "it is forgotten", lambda: not server.remembers(client.public))


def crowd_of_nine():
    return [f"{some_key()} - 10.9.0.{200 + i}/32" for i in range(9)]


def drains(server, client):
    """SIGUSR1 leaves those with a session, and adds nobody; SIGUSR2 brings the others back."""
    client.set_peer()
    check(client.ping(10), "no session")
    peers = server.peers()
    server.signal(signal.SIGUSR1)
    eventually(5, "others are removed", lambda: list(server.peers()) == [client.public])
    server.refused("conflict", "it drains", "add", [f"{some_key()} - 10.9.0.150/32"])
    check(client.ping(10), "the session was cut")
    server.signal(signal.SIGUSR2)
    eventually(5, "they come back", lambda: server.peers() == peers)
    server.signal(signal.SIGUSR1)
    eventually(LIMIT + 10, "the last one goes with its session", lambda: server.peers() == {})
    server.signal(signal.SIGUSR2)
    eventually(5, "they come back", lambda: server.peers() == peers)


def changes_key(server, client):
    """SIGHUP takes the new key of the file, and leaves the old one where there is none."""
    private, server.public = genkey()
    server.write_key("nonsense")
    server.signal(signal.SIGHUP)
    time.sleep(1)
    old = run("wg", "show", server.name, "public-key").strip()
    check(old != server.public and old != "(none)", old)
    server.write_key(private)
    server.signal(signal.SIGHUP)
    eventually(5, "the new key", lambda: server.public in
               run("wg", "show", server.name, "public-key"))
    eventually(5, "the probe knows it", lambda: server.probe_keys()[2] == server.public)
    client.set_peer()
    check(client.ping(10), "no session with the new key")


def ends(server):
    """Exit codes, and what is left behind: nothing."""
    run("ip", "link", "delete", server.name)
    check(server.wait() == 68, "the interface was taken away")
    server.start()
    server.channel.close()
    check(server.process.wait(timeout=20) == 70, "the manager is gone")
    check(server.name in run("ip", "link"), "the interface did not stay for the next run")
    server.start().stop()
    check(server.start(capability="+chown", ready=False).wait() == 67, "without its capability")
    run("ip", "link", "add", server.name, "type", "veth", "peer", "name", "other")
    check(server.start(ready=False).wait() == 66, "a name that is taken")
    run("ip", "link", "delete", server.name)
    os.remove(server.key_file)
    check(server.start(ready=False).wait() == 64, "no key")
    check(server.name not in run("ip", "link"), "an interface is left")


def main():
    slow = Server("wg1", 51821, ["10.10.0.1/16", "10.64.0.1/10", "fd00:10::1/64"]).start()
    talks = Client(3, slow, "10.10.0.3")
    silent = Client(4, slow, "10.10.0.4")
    slow.change("add", [talks.line(), silent.line()])
    check(talks.ping(10) and silent.ping(10), "no sessions")
    begin = time.time()
    pings = talks.pings(1, "/tmp/long")

    server = Server("wg0", 51820, ["10.9.0.1/24", "fd00:9::1/64"], "--mtu", "1380",
                    "--forget-after", LIMIT, "--sweep-ms", "500")
    server.start()
    client = Client(1, server, "10.9.0.2", preshared=genkey()[0])
    for step in (interface, files):
        step(server)
        print(f"{step.__name__}: ok", flush=True)
    for step in (forgets, unfinished, survives, drains, changes_key):
        step(server, client)
        print(f"{step.__name__}: ok", flush=True)
    server.stop()
    server.start()
    ends(server)
    print("ends: ok", flush=True)

    time.sleep(max(0, 170 - (time.time() - begin)))
    check(slow.remembers(silent.public), "forgotten before 180 s")
    eventually(30, "the silent one is forgotten", lambda: not slow.remembers(silent.public))
    check(180 <= time.time() - begin < 195, f"forgotten after {time.time() - begin:.0f} s")
    sent, missing = lost(pings, "/tmp/long")
    check(sent > 150 and missing == 0, f"{missing} of {sent} packets of the live session lost")
    print("180 s: ok", flush=True)
    crowded(slow, talks, 5000)


main()
