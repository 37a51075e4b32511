#!/usr/bin/python3 -B
"""R5: a log is rotated by copytruncate, again and again, under load.  What was written
between the copy and the truncation is nowhere any more, whoever reads: those lines are
found out by comparing what was written with all copies.  The daemon may miss these and
no other, counts nothing twice, though the copies lie beside the log, and tells of a gap
whenever it missed any.
"""

import os
import time

import fault
from fault import Ledger, Load, Log, check


def copy_and_truncate(path, n, pause):
    """As logrotate does it: read and write in pieces, then cut; not always at once."""
    with open(path, "rb", buffering=0) as source, open(f"{path}.{n}", "wb", buffering=0) as target:
        while data := source.read(1 << 16):
            target.write(data)
        time.sleep(pause)
    os.truncate(path, 0)


def shift(path, keep):
    for n in range(keep, 0, -1):
        if os.path.exists(f"{path}.{n}"):
            os.rename(f"{path}.{n}", f"{path}.{n + 1}")


def numbers_of(path):
    with open(path, "rb") as f:
        return fault.numbers_in(f.read())


def survivors(path, rotations):
    """All lines that a file still has: of the log, and of its copies."""
    found = set(numbers_of(path))
    for n in range(1, rotations + 1):
        found.update(numbers_of(f"{path}.{n}"))
    return found


def allowed(ledger, destroyed, counts):
    """Lines beyond those that are destroyed: block by block, as each may have been read
    before it was destroyed."""
    gone = {}
    for seq in destroyed:
        for key in ledger.keys(seq):
            gone[key] = gone.get(key, 0) + 1
    missing = {"block": 0, "lane": 0}
    ours = {"block": 0, "lane": 0}
    doubled = {"block": 0, "lane": 0}
    for key, written in ledger.expected().items():
        got = counts.get(key, 0)
        ours[key[0]] += max(0, written - got)
        missing[key[0]] += max(0, written - gone.get(key, 0) - got)
        doubled[key[0]] += max(0, got - written)
    return max(ours.values()), max(missing.values()), max(doubled.values())


def wait_quiet(run, daemon):
    """Until nothing is counted any more."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 3 * run.patience:
        counts = daemon.counts()
        now = None if counts is None else sum(counts.values())
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.1)


def under_load(test, run):
    rotations, rate = run.either((12, 10000), (200, 50000))
    ledger = Ledger(block=run.either(250, 8000), lanes=250)
    path = test.path("app.log")
    log = Log(path, ledger)
    daemon = fault.start_case(test, path)
    daemon.start()
    begun = time.monotonic()
    load = Load(lambda: log.write(rate // 100), rate=100)
    for _ in range(rotations):
        time.sleep(run.rng.uniform(0.1, 0.4))
        shift(path, rotations)
        copy_and_truncate(path, 1, run.rng.choice((0, run.rng.uniform(0, 0.03))))
    time.sleep(0.2)
    load.stop()
    took = time.monotonic() - begun
    wait_quiet(run, daemon)

    destroyed = set(range(ledger.next)) - survivors(path, rotations)
    ours, beyond, doubled = allowed(ledger, destroyed, daemon.counts())
    told = daemon.told()
    run.add(lost=beyond, doubled=doubled, rotations=rotations, destroyed_by_copytruncate=len(destroyed),
            of_these_we_missed=ours)
    run.most(lines_per_second=ledger.next / took)
    check(beyond == 0 and doubled == 0, f"{ours} lines not counted, {beyond} of them are in a copy;",
          f"{doubled} counted twice; copytruncate destroyed {len(destroyed)}; told: {told}")
    check(ours == 0 or "truncated" in told, f"{ours} lines are missing, and no gap was told: {told}")
    daemon.end()
    daemon.start()
    equal = allowed(ledger, destroyed, daemon.counts())
    check(equal == (ours, 0, 0), "after one more start it differs:", equal)


fault.main(under_load)
