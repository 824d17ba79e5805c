"""What a service may take is all that it gets: processes, memory, processor. Inside a guest, where
the controllers of cgroup2 are there and nothing else is hurt."""
import os
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]
from fixture import check, eventually, main  # noqa: E402
from vpnd_fixture import Vpnd, service  # noqa: E402

SLEEP = ["/usr/bin/sleep", "100000"]
TASKS = 40
MEMORY_MIB = 32

# Every process of it forks for ever, out of its session, deaf to all that can be ignored.
BOMB = """#!/usr/bin/python3
import os, signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
"""

HOG = """#!/usr/bin/python3
import os, time
if os.fork() == 0:
    time.sleep(100000)
taken = []
while True:
    taken.append(bytearray(os.urandom(1)) * (1 << 20))
"""

SPINS = "while :; do :; done"


def limited(command, program=None, **limits):
    tables = "[limits]\n" + "".join(f"{key} = {value}\n" for key, value in limits.items())
    if program:
        tables += f'[sandbox]\nread = ["{program}"]\n'
    return service(command, "nobody", tables)


def value(group, name):
    return int((group / name).read_text().split()[0])


def memory_limit(vpnd, name):
    """None while its group is made anew."""
    try:
        return value(vpnd.groups()[name], "memory.max")
    except (KeyError, OSError):
        return None


def answers_quickly(vpnd):
    start = time.monotonic()
    check(vpnd.status("quiet")["state"] == "ready", vpnd.status("quiet"))
    return time.monotonic() - start


def contains_a_fork_bomb():
    with Vpnd({}) as vpnd:
        bomb = vpnd.program("bomb", BOMB)
        vpnd.write(vpnd.services, {
            "quiet": service(SLEEP),
            "bomb": limited(["/usr/bin/python3", bomb], bomb, tasks=TASKS, cpu_percent=50)})
        vpnd.start().wait_for("quiet", "ready", 30)
        [quiet] = vpnd.pids("quiet")
        group = vpnd.groups()["bomb"]
        eventually(lambda: value(group, "pids.current") == TASKS, "it fills its limit", 60)
        refused = int((group / "pids.events").read_text().split()[1])
        end = time.monotonic() + 5
        slowest = 0.0
        while time.monotonic() < end:
            check(value(group, "pids.current") <= TASKS, "more processes than it may have")
            slowest = max(slowest, answers_quickly(vpnd))
        check(int((group / "pids.events").read_text().split()[1]) > refused, "it stopped trying")
        check(slowest < 5, f"the manager took {slowest:.1f} s to answer")
        vpnd.ctl("stop", "bomb")
        check(vpnd.status("bomb")["state"] == "stopped", vpnd.status("bomb"))
        check(vpnd.pids("bomb") == [] and vpnd.pids("quiet") == [quiet], "what is left")
        vpnd.ctl("start", "bomb")  # and it can be had again
        vpnd.ctl("stop", "bomb")


def contains_a_memory_hog():
    with Vpnd({}) as vpnd:
        hog = vpnd.program("hog", HOG)
        vpnd.write(vpnd.services, {
            "quiet": service(SLEEP),
            "hog": limited(["/usr/bin/python3", hog], hog, memory_mib=MEMORY_MIB)})
        vpnd.start().wait_for("quiet", "ready", 30)
        [quiet] = vpnd.pids("quiet")
        ended = eventually(lambda: (s := vpnd.status("hog"))["restarts"] >= 2 and s,
                           "it is ended and started again", 90)
        check(ended["reason"] in ("killed", "none"), ended)
        eventually(lambda: memory_limit(vpnd, "hog") == MEMORY_MIB << 20, "its limit")
        # What it had forked goes with it each time.
        check(len(vpnd.pids("hog")) <= 2, vpnd.pids("hog"))
        check(vpnd.pids("quiet") == [quiet], "another service was hurt")


def gives_no_more_processor():
    with Vpnd({"spins": limited(["/bin/sh", "-c", SPINS], cpu_percent=20)}) as vpnd:
        vpnd.start().wait_for("spins", "ready", 30)
        group = vpnd.groups()["spins"]

        def used():
            return int((group / "cpu.stat").read_text().split()[1]) / 1e6

        before, start = used(), time.monotonic()
        time.sleep(5)
        share = (used() - before) / (time.monotonic() - start)
        check(0.1 < share < 0.25, f"{share:.2f} of a processor")
        # Another limit takes effect while it runs.
        [pid] = vpnd.pids("spins")
        vpnd.write(vpnd.services,
                   {"spins": limited(["/bin/sh", "-c", SPINS], cpu_percent=60)})
        vpnd.ctl("reload")
        before, start = used(), time.monotonic()
        time.sleep(5)
        share = (used() - before) / (time.monotonic() - start)
        check(share > 0.35 and vpnd.pids("spins") == [pid], f"{share:.2f} of a processor")


main(contains_a_fork_bomb, contains_a_memory_hog, gives_no_more_processor)
