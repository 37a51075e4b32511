#!/usr/bin/python3 -B
"""R2: the daemon is killed with -9 at random moments while a log grows and is rotated,
by renaming and compressing, and started again at once.  Each line is counted once.

Every few kills it is let catch up, so that a failure names the kills it may be of.
"""

import time

import fault
from fault import Ledger, Load, Log


class Rotated:
    """A log that is written and now and then rotated, from one thread."""

    def __init__(self, test, run, ledger):
        self.log = Log(test.path("app.log"), ledger)
        self.rng = fault.random.Random(f"{run.seed} writer")
        self.rotations = 0

    def step(self):
        self.log.write(self.rng.randint(1, 120))
        if self.rng.random() < 0.05:
            self.log.rotate(keep=40, compress=self.rng.choice((None, "gzip")))
            self.rotations += 1


def kill_some(run, daemon, kills, delay):
    for _ in range(kills):
        time.sleep(run.rng.choice((run.rng.uniform(0, delay), run.rng.uniform(0, 4 * delay))))
        daemon.kill()
        daemon.start(ready=False)


def kills(test, run, files):
    total, at_once = run.either((15, 5), (1000, 10))
    ledger = Ledger(block=run.either(200, 20000), lanes=200)
    daemon = fault.start_case(test, test.path(files))
    writer = Rotated(test, run, ledger)
    begun = time.monotonic()
    daemon.start()
    start_takes = time.monotonic() - begun
    for n in range(0, total, at_once):
        load = Load(writer.step, rate=50)
        kill_some(run, daemon, at_once, start_takes)
        load.stop()
        fault.settle(run, daemon, ledger, what=f"after kill {n + at_once}")
    fault.settle_twice(run, daemon, ledger, what="at the end")
    run.add(kills=total, rotations=writer.rotations, lines=ledger.next)


def followed_by_name(test, run):
    kills(test, run, "app.log")


def followed_by_pattern(test, run):
    """The rotated logs match it too."""
    kills(test, run, "app.log*")


fault.main(followed_by_name, followed_by_pattern)
