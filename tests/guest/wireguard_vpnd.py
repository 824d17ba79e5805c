"""lethe-wireguard as a service of lethe-vpnd, in its sandbox: the handshake probe, peers by `ctl
peer`, its death, a drain, the end. Inside a guest."""
import json
import os
import pathlib
import shutil
import sys

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]
from fixture import check, eventually  # noqa: E402
from vpnd_fixture import MALFORMED, UNAVAILABLE, Vpnd, service  # noqa: E402
from wireguard_lab import PROGRAM, genkey, run, some_key  # noqa: E402

TABLES = """counter = true
peers = true
[ready]
notify = true
probe = "wireguard"
port = 51820
keys = "/run/lethe-probe/wireguard"
timeout_ms = 60000
interval_ms = 1000
[limits]
memory_mib = 64
tasks = 1
[sandbox]
capabilities = ["net_admin"]
read = [%s]
scratch = ["/run/lethe-probe"]
sockets = ["netlink-route", "netlink-generic"]
[drain]
signal = "USR1"
[reload]
signal = "HUP"
"""


def dump():
    return [line.split("\t") for line in run("wg", "show", "wg0", "dump").splitlines()[1:]]


def peers():
    return sorted(fields[0] for fields in dump() if fields[3] != "(none)")


def main():
    with Vpnd({}) as vpnd:
        program = vpnd.folder / "lethe-wireguard"
        shutil.copy(PROGRAM, program)
        key = vpnd.folder / "wireguard.key"
        key.write_text(genkey()[0] + "\n")
        key.chmod(0o400)
        shutil.chown(key, "nobody")
        command = [program, "--interface", "wg0", "--private-key", key, "--listen-port", "51820",
                   "--address", "10.9.0.1/24", "--probe-keys", "/run/lethe-probe/wireguard",
                   "--sweep-ms", "500", "--forget-after", "5"]
        read = ", ".join(json.dumps(str(path)) for path in (program, key))
        vpnd.write(vpnd.services, {"wireguard": service(command, "nobody", TABLES % read)})
        vpnd.start()
        vpnd.wait_for("wireguard", "ready", 60)
        check(len(dump()) == 1 and dump()[0][2].startswith("127.0.0.1:"), f"no probe: {dump()}")

        file = pathlib.Path(vpnd.folder / "peers")
        keys = sorted(some_key() for _ in range(3))
        file.write_text("".join(f"{k} - 10.9.0.{i + 2}/32\n" for i, k in enumerate(keys)))
        check(vpnd.ctl("peer", "replace-all", "wireguard", file)["peers"] == 3, "not three peers")
        check(peers() == keys, f"others: {peers()}")
        file.write_text(f"{keys[0]} - 10.9.0.2/32\n{keys[1]} - 10.9.0.2/32\n")
        vpnd.ctl("peer", "replace-all", "wireguard", file, code=MALFORMED, says="line 2: ")
        check(peers() == keys, "a bad file changed something")

        before = vpnd.status("wireguard")["restarts"]
        pids = [int(word) for word in run("pidof", "lethe-wireguard").split()]
        check(len(pids) == 1, f"processes: {pids}")
        os.kill(pids[0], 9)
        eventually(lambda: (s := vpnd.status("wireguard"))["restarts"] > before and
                   s["state"] == "ready", "it is ready again", 60)
        check(peers() == keys, "the peers went with the process")
        status = vpnd.status("wireguard")
        check(status["unsealed"] == 0 and status["clients"] == 0, status)

        vpnd.ctl("drain", "wireguard")
        vpnd.wait_for("wireguard", "stopped", 60)
        check("wg0" not in run("ip", "link"), "the interface is still there")
        vpnd.ctl("peer", "add", "wireguard", file, code=UNAVAILABLE)
    print("vpnd: ok", flush=True)


main()
