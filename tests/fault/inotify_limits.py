#!/usr/bin/python3 -B
"""R9: inotify's queue holds sixteen events, or no watch can be had, or descriptors run
short, and hundreds of files are written, renamed and removed.  Events are hints: each
line counts once, within seconds.
"""

import os
import shutil
import time

import fault
from fault import Ledger, Log, Skip, check

FILES = 60


class Storm:
    """Many files, each with renames.  All were there before it begins: a file that comes
    and gets another name before anybody looks was never one of the source."""

    def __init__(self, test, run, files=FILES):
        self.run = run
        self.ledger = Ledger(block=run.either(20, 500))
        directory = test.directory("logs")
        self.logs = [Log(os.path.join(directory, f"{n}.log"), self.ledger) for n in range(files)]
        self.write()
        self.daemon = fault.start_case(test, os.path.join(directory, "*.log"))

    def write(self):
        for log in self.logs:
            log.write(1)

    def begin(self):
        self.daemon.start()
        fault.settle(self.run, self.daemon, self.ledger, what="before the storm")

    def rage(self, rotations=True):
        for _ in range(self.run.either(8, 200)):
            for log in self.run.rng.sample(self.logs, len(self.logs) // 2):
                log.write(self.run.rng.randint(1, 3))
            for log in self.run.rng.sample(self.logs, len(self.logs) // 8) if rotations else ():
                log.rotate(keep=300)
            time.sleep(self.run.rng.uniform(0, 0.05))
        self.write()

    def finish(self, what):
        begun = time.monotonic()
        fault.settle(self.run, self.daemon, self.ledger, what=what)
        self.run.most(catch_up_seconds=time.monotonic() - begun)
        # And it goes on so: a line a while later is seen too.
        self.write()
        fault.settle(self.run, self.daemon, self.ledger, what=f"{what}, afterwards")
        fault.settle_twice(self.run, self.daemon, self.ledger, what=f"{what}, at the end")
        for log in self.logs:
            log.close()


def small_queue(test, run):
    """The limit counts when inotify is set up, so it is small for that moment only."""
    fault.need_root()
    storm = Storm(test, run)
    old = fault.sysctl("fs.inotify.max_queued_events", 16)
    try:
        storm.begin()
    finally:
        fault.sysctl("fs.inotify.max_queued_events", old)
    storm.daemon.signal(fault.signal.SIGSTOP)
    storm.rage()
    storm.daemon.signal(fault.signal.SIGCONT)
    storm.rage()
    storm.finish("with a small queue")


def limited(test, run, name, value):
    """In a user namespace of its own, where the limit is nobody else's."""
    fault.need_root()
    if shutil.which("unshare") is None or fault.harness.run(
            ["unshare", "--user", "--map-root-user", "test", "-w", f"/proc/sys/user/{name}"]).returncode:
        raise Skip("no user namespaces with limits of their own")
    storm = Storm(test, run)
    storm.daemon.prefix = ["unshare", "--user", "--map-root-user", "sh", "-c",
                           f'echo {value} >/proc/sys/user/{name} && exec "$@"', "sh"]
    storm.begin()
    storm.rage()
    storm.finish(f"with {name} {value}")


def five_watches(test, run):
    limited(test, run, "max_inotify_watches", 5)


def no_watch(test, run):
    limited(test, run, "max_inotify_watches", 0)


def no_inotify(test, run):
    limited(test, run, "max_inotify_instances", 0)


def few_descriptors(test, run):
    """Fewer than files: they take turns, or it says which it does not read; no line is
    lost once there are enough."""
    if shutil.which("prlimit") is None:
        raise Skip("no prlimit")
    storm = Storm(test, run, files=100)
    storm.daemon.prefix = ["prlimit", "--nofile=64:64", "--"]
    storm.daemon.start()
    storm.rage(rotations=False)
    time.sleep(1)
    check(storm.daemon.runs(), "the daemon ended for want of descriptors")
    difference = storm.daemon.difference(storm.ledger)
    if difference:
        run.add(lines_that_waited_for_descriptors=difference.lost)
        check(fault.reasons_told(storm.daemon.incidents()) or "Too many open files" in storm.daemon.said(),
              "files are not read for want of descriptors, and nothing is said:", difference)
    storm.daemon.end()
    storm.daemon.prefix = []
    storm.daemon.start()
    storm.finish("with enough descriptors again")


fault.main(small_queue, five_watches, no_watch, no_inotify, few_descriptors)
