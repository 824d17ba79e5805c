"""What benchmarks of tunnels share: programs, keys, traffic."""
import json
import pathlib
import subprocess
import sys
import time


def run(*words, **options):
    """Output of a program; ends the benchmark where it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {words}: {done.stdout}{done.stderr}")
    return done.stdout


def make_keys(folder):
    """Key and certificate of a server and a client; the certificates' fingerprints by name."""
    prints = {}
    for name in ("server", "client"):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "9", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
            "-out", folder / f"{name}.crt")
        prints[name] = run("openssl", "x509", "-in", folder / f"{name}.crt", "-noout",
                           "-fingerprint", "-sha256").split("=")[1].strip()
    return prints


def received(enter, address, *options):
    """What iperf3's listener at `address` took from inside `enter`, or sent there (--reverse)."""
    said = run(*enter, "iperf3", "--json", "--client", address, *options)
    return json.loads(said)["end"]["sum_received"]


def wait_for_way(enter, address, seconds):
    """Pings until there is an answer."""
    end = time.monotonic() + seconds
    ping = [*enter, "ping", "-c", "1", "-W", "1", address]
    while subprocess.run(ping, capture_output=True).returncode != 0:
        if time.monotonic() > end:
            sys.exit(f"{pathlib.Path(sys.argv[0]).name}: no way to {address} in {seconds} s")
