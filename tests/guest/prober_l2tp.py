"""lethe-prober against the kernel's IPsec: L2TP (charon, xl2tpd, pppd), IKEv2. Inside a guest."""
import contextlib
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from charon_fixture import (associations, authority, certificate, connection,  # noqa: E402
                            load, write)
from fixture import check, eventually, main  # noqa: E402
from prober_fixture import Network, target  # noqa: E402

SERVER = "198.51.100.1"
PSK, USER, PASSWORD = "a preshared key of the test", "user", "right"
IKE = ["aes256-sha256-modp2048", "aes256-sha1-modp2048", "aes256-sha1-ecp384",
       "aes128-sha1-ecp256", "aes128-sha1-modp2048", "aes256-sha384-modp2048",
       "aes256-sha256-x25519"]
ESP = ["aes256-sha256", "aes256-sha1", "aes128-sha1"]
CONNECTION = """  l2tp {
    version = 1
    unique = never
    proposals = %s
    local { auth = psk }
    remote { auth = psk }
    children { l2tp { mode = transport
      esp_proposals = %s
      local_ts = dynamic[udp/1701]
      remote_ts = dynamic[udp] } }
  }
"""
XL2TPD = """[global]
port = 1701
[lns default]
ip range = 10.9.2.10-10.9.2.200
local ip = 10.9.0.1
require authentication = yes
name = server
pppoptfile = {folder}/options
length bit = yes
"""
OPTIONS = """{auth}
mtu 1400
mru 1400
nodefaultroute
noipv6
"""


def serve(network, auth="require-mschap-v2", esp=",".join(ESP)):
    folder = network.folder
    authority(folder, "ca")
    certificate(folder, "server")
    network.run("ip", "address", "add", "10.9.0.1/32", "dev", "lo")
    write(folder, CONNECTION % (",".join(IKE), esp) + connection(folder, "eap", eap=True),
          ("server",), "kernel-netlink", f'  ike-l2tp {{ secret = "{PSK}" }}\n')
    network.background("env", f"STRONGSWAN_CONF={folder}/strongswan.conf", "/usr/lib/ipsec/charon")
    load(network.run, folder)
    pathlib.Path("/etc/ppp/chap-secrets").write_text(f'{USER} * "{PASSWORD}" *\n')
    network.write("options", OPTIONS.format(auth=auth))
    network.write("xl2tpd.conf", XL2TPD.format(folder=folder))
    with open(folder / "xl2tpd.log", "wb") as log:
        network.background("xl2tpd", "-D", "-c", folder / "xl2tpd.conf", "-p", folder / "pid", "-C",
                           folder / "control", stdout=log, stderr=log)
    eventually(lambda: ":1701" in network.run("ss", "-Huln"), "xl2tpd")


def logs(network):
    return "\n".join((network.folder / name).read_text()[-6000:]
                     for name in ("charon.log", "xl2tpd.log"))


@contextlib.contextmanager
def telling(network):
    """Shows what the daemons said where it fails."""
    try:
        yield
    except AssertionError:
        print(logs(network))
        raise


def make(port=500, **credentials):
    table = {"psk": PSK, "user": USER, "password": PASSWORD, **credentials}
    timeout_ms = table.pop("timeout_ms", 20000)
    inner = table.pop("inner", "10.9.0.1")
    return target("l2tp", table, address=SERVER, port=port, inner=inner, timeout_ms=timeout_ms)


def nothing_left(network):
    """No SA, no state of the kernel, no tunnel, no interface."""
    run = network.run
    eventually(lambda: associations(run, network.folder) == "", "charon's SAs", 10,
               lambda: logs(network))
    check(run("ip", "xfrm", "state") == "", run("ip", "xfrm", "state"))
    eventually(lambda: "ppp" not in run("ip", "link"), "pppd's interfaces", 10,
               lambda: run("ip", "link") + logs(network))


def one_after_another(network, files):
    """charon keeps peers behind one address apart by their ports; xl2tpd cannot."""
    for name, (reason, text) in files.items():
        with telling(network):
            network.expect({name: reason}, **{name: text})
        nothing_left(network)


def l2tp():
    with Network(far=[f"{SERVER}/24"]) as network:
        serve(network)
        one_after_another(network, {
            "first": ("ready", make()),
            **{f"ike-{n}": ("ready", make(ike=[name])) for n, name in enumerate(IKE)},
            **{f"esp-{n}": ("ready", make(esp=[name])) for n, name in enumerate(ESP)},
            "wrong-password": ("auth-failed", make(password="secret-and-wrong")),
            "wrong-user": ("auth-failed", make(user="nobody")),
            "elsewhere": ("no-round-trip", make(inner="10.9.0.99", timeout_ms=8000)),
            "again": ("ready", make()),
        })
        network.stranger(1001, "udp", "noise")
        network.stranger(1002, "udp", "silent")
        network.stranger(1003, "udp", "first", 500, 1)
        network.expect(
            {"wrong-psk": "auth-failed", "no-proposal": "handshake-failed",
             "no-esp": "handshake-failed", "dead": "refused", "noise": "malformed-answer",
             "silent": "no-answer", "stalls": "timeout"},
            **{"wrong-psk": make(psk="another key of the test", timeout_ms=6000),
               "no-proposal": make(ike=["aes128-sha512-modp2048"], timeout_ms=6000),
               "no-esp": make(esp=["aes256-sha512"], timeout_ms=6000)},
            dead=make(port=9), noise=make(port=1001, timeout_ms=3000),
            silent=make(port=1002, timeout_ms=3000), stalls=make(port=1003, timeout_ms=3000))


def chap_md5():
    with Network(far=[f"{SERVER}/24"]) as network:
        serve(network, auth="require-chap")
        one_after_another(network, {"md5": ("ready", make()), "wrong-md5": (
            "auth-failed", make(password="secret-and-wrong"))})


def ikev2_by_the_kernel():
    with Network(far=[f"{SERVER}/24"]) as network:
        serve(network)
        table = {"ca": (network.folder / "ca.crt").read_text(), "server_id": "server.example",
                 "user": "user", "password": "right"}
        for name in ("aes256gcm16", "chacha20poly1305", "aes256-sha256"):
            with telling(network):
                network.expect({name: "ready"}, **{name: target(
                    "ikev2", {**table, "esp": [name]}, address=SERVER, port=500,
                    timeout_ms=20000)})
        eventually(lambda: associations(network.run, network.folder) == "", "charon's SAs", 10)
        check(network.run("ip", "xfrm", "state") == "", "states are left in the kernel")


os.makedirs("/var/run/xl2tpd", exist_ok=True)
main(ikev2_by_the_kernel, chap_md5, l2tp)
