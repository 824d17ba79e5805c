"""The image that bench/vpn_connect measures against: the server's recipe with Debian's own builds
of the VPN daemons, started by hand. Everything else is the same: kernel, libraries, packet filter,
settings, keys; the lock pins the same packages, so that no mirror is asked."""
import hashlib
import os
import pathlib
import re
import subprocess
import tomllib

# What Debian's builds load and ours do not: it stays in the image.
LIBRARIES = ("libdbus-1-3", "libpcap0.8t64")

# As an administrator would: no sandbox, no limits, no watch, everything as root. Nothing is written
# here either: the settings say so, outputs lead nowhere, and there is no system log.
UNIT = """[Unit]
Description=VPN daemons, started by hand
Requires=lethe-keys.service lethe-firewall.service
Wants=lethe-resolver-upstream.service
After=lethe-keys.service lethe-firewall.service lethe-resolver-upstream.service
After=systemd-modules-load.service systemd-sysctl.service

[Service]
ExecStart=/usr/lib/lethe/by-hand
StandardInput=null
StandardOutput=null
StandardError=null

[Install]
WantedBy=multi-user.target
"""
BY_HAND = """#!/bin/sh
set -u
openvpn --config /etc/openvpn/udp.conf &
openvpn --config /etc/openvpn/tcp.conf &
unbound -d -c /etc/unbound/lethe.conf &

ip link add wg0 mtu 1420 type wireguard
wg set wg0 listen-port 51820 private-key /run/lethe/keys/wireguard/server.key
while read -r key _ addresses; do
  wg set wg0 peer "$key" allowed-ips "$addresses"
done </run/lethe/keys/wireguard/peers
ip address add 10.16.0.1/12 dev wg0
ip address add fd28:8712:ccb8:3::1/64 dev wg0
ip link set wg0 up

ln -s /run /var/run
mkdir /run/ikev2 /run/xl2tpd
STRONGSWAN_CONF=/etc/ikev2/strongswan.conf charon-systemd &
xl2tpd -D -c /etc/l2tp/xl2tpd.conf &
while ! STRONGSWAN_CONF=/etc/ikev2/strongswan.conf swanctl --load-all --noprompt \\
    --uri unix:///run/ikev2/vici --file /run/lethe/secrets/ikev2/swanctl.conf; do
  sleep 0.2
done
wait
"""


def request_of(recipe):
    """What a lock is held against (docs/formats/lock.md, "Fitting a recipe")."""
    debian, kernel = recipe["debian"], recipe["kernel"]
    lists = [("architecture", [recipe["image"]["architecture"]])]
    lists += [(name, debian[name])
              for name in ("suites", "components", "packages", "tools", "compilers")]
    lists += [("kernel", [kernel["package"]])]
    lists += [(name, kernel[name]) for name in ("firmware", "microcode") if kernel.get(name)]
    text = "".join(f"{name} {len(values)}\n" + "".join(f"{value}\n" for value in values)
                   for name, values in lists)
    return hashlib.sha256(text.encode()).hexdigest()


def without_sources(lock, request):
    """The text of `lock` without patched sources and the packages that build them."""
    lock = lock[:lock.index("[[source]]")].rstrip() + "\n"
    lock = re.sub(r'^  \{ .*in = \["sources"\].*\n', "", lock, flags=re.MULTILINE)
    lock = lock.replace(', "sources"]', "]")
    return re.sub(r'^request = ".*"$', f'request = "{request}"', lock, flags=re.MULTILINE)


def changed(text, pattern, replacement):
    """`text` with the one place that `pattern` finds replaced."""
    out, times = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if times != 1:
        raise SystemExit(f"stock_image: '{pattern}' stands {times} times in the recipe")
    return out


def write_recipe(top, folder):
    """Makes `folder` a copy of the repository `top` at its commit, with the stock recipe committed
    on top of it; returns the folder of the recipe."""
    def git(*words, **environment):
        return subprocess.run(
            ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", *words],
            check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **environment}).stdout.strip()

    git("clone", "--quiet", "--shared", top, folder)
    recipe = pathlib.Path(folder) / "recipes/vpn-server"
    file = recipe / "recipe.toml"
    text = file.read_text(encoding="utf-8")
    sources = [entry["source"] for entry in tomllib.loads(text)["patched"]]
    for source in sources:
        text = changed(text, rf'^\[\[patched\]\]\nsource = "{source}"\n\n', "")
    for library in LIBRARIES:
        text = changed(text, rf'"{re.escape(library)}", ', "")
    # Its peers come by hand too.
    text = changed(text, r'^  "lethe-peers.service",\n', "")
    file.write_text(text, encoding="utf-8")
    lock = recipe / "recipe.lock"
    request = request_of(tomllib.loads(text))
    lock.write_text(without_sources(lock.read_text(encoding="utf-8"), request), encoding="utf-8")
    (recipe / "files/usr/lib/systemd/system/lethe-vpnd.service").write_text(UNIT, encoding="utf-8")
    script = recipe / "files/usr/lib/lethe/by-hand"
    script.write_text(BY_HAND, encoding="utf-8")
    script.chmod(0o755)
    git("-C", folder, "rm", "--quiet", "-r", "recipes/vpn-server/patches")
    git("-C", folder, "add", "--all")
    # Of the same commit always the same image.
    date = git("-C", folder, "show", "--no-patch", "--format=%cI")
    git("-C", folder, "commit", "--quiet", "--no-gpg-sign", "-m", "Daemons of Debian, by hand",
        GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    return recipe
