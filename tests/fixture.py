"""What tests in Python share: what must hold, what must come to hold, and running their cases."""
import os
import sys
import time

# Shares of a processor are judged closely, and slopes over many cycles, only there.
NIGHTLY = os.environ.get("LETHE_TEST_TIER") == "nightly"


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def eventually(condition, what, seconds=30, evidence=lambda: ""):
    """What `condition` returns, once that counts as true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what} {evidence()}")


def main(*cases):
    """Runs each with its name printed; exits with 1 at the first that fails."""
    for case in cases:
        begin = time.monotonic()
        case()
        print(f"{case.__name__}: ok ({time.monotonic() - begin:.1f} s)", flush=True)
    sys.exit(0)
