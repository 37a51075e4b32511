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


def storm(test, run, ledger, files=FILES):
    """Many files, each with renames."""
    directory = test.directory("logs")
    logs = [Log(os.path.join(directory, f"{n}.log"), ledger) for n in range(files)]
    for _ in range(run.either(8, 200)):
        for log in run.rng.sample(logs, files // 2):
            log.write(run.rng.randint(1, 3))
        for log in run.rng.sample(logs, files // 8):
            log.rotate(keep=300)
        time.sleep(run.rng.uniform(0, 0.05))
    for log in logs:
        log.write(1)
    return logs


def finish(run, daemon, ledger, logs, what):
    begun = time.monotonic()
    fault.settle(run, daemon, ledger, what=what)
    run.most(catch_up_seconds=time.monotonic() - begun)
    # And it goes on so: a line a while later is seen too.
    for log in logs:
        log.write(1)
    fault.settle(run, daemon, ledger, what=f"{what}, afterwards")
    fault.settle_twice(run, daemon, ledger, what=f"{what}, at the end")
    for log in logs:
        log.close()


def begin(test, run):
    ledger = Ledger(block=run.either(20, 500))
    test.directory("logs")
    return ledger, fault.start_case(test, test.path("logs/*.log"))


def small_queue(test, run):
    """The limit counts when inotify is set up, so it is small for that moment only."""
    fault.need_root()
    ledger, daemon = begin(test, run)
    old = fault.sysctl("fs.inotify.max_queued_events", 16)
    try:
        daemon.start()
    finally:
        fault.sysctl("fs.inotify.max_queued_events", old)
    daemon.signal(fault.signal.SIGSTOP)
    logs = storm(test, run, ledger)
    daemon.signal(fault.signal.SIGCONT)
    logs += storm(test, run, ledger)
    finish(run, daemon, ledger, logs, "with a small queue")


def limited(test, run, name, value):
    """In a user namespace of its own, where the limit is nobody else's."""
    fault.need_root()
    if shutil.which("unshare") is None or fault.harness.run(
            ["unshare", "--user", "--map-root-user", "test", "-w", f"/proc/sys/user/{name}"]).returncode:
        raise Skip("no user namespaces with limits of their own")
    ledger, daemon = begin(test, run)
    daemon.prefix = ["unshare", "--user", "--map-root-user", "sh", "-c",
                     f'echo {value} >/proc/sys/user/{name} && exec "$@"', "sh"]
    daemon.start()
    logs = storm(test, run, ledger)
    finish(run, daemon, ledger, logs, f"with {name} {value}")


def five_watches(test, run):
    limited(test, run, "max_inotify_watches", 5)


def no_watch(test, run):
    limited(test, run, "max_inotify_watches", 0)


def no_inotify(test, run):
    limited(test, run, "max_inotify_instances", 0)


def few_descriptors(test, run):
    """Fewer than files: they take turns, or it says which it does not read; in no case is
    a line lost once there are enough again."""
    if shutil.which("prlimit") is None:
        raise Skip("no prlimit")
    ledger, daemon = begin(test, run)
    daemon.prefix = ["prlimit", "--nofile=64:64", "--"]
    daemon.start()
    logs = storm(test, run, ledger, files=100)
    time.sleep(1)
    check(daemon.runs(), "the daemon ended for want of descriptors")
    difference = daemon.difference(ledger)
    if difference:
        run.add(lines_that_waited_for_descriptors=difference.lost)
        check(fault.reasons_told(daemon.incidents()) or "Too many open files" in daemon.said(),
              "files are not read for want of descriptors, and nothing is said:", difference)
    daemon.end()
    daemon.prefix = []
    daemon.start()
    finish(run, daemon, ledger, logs, "with enough descriptors again")


fault.main(small_queue, five_watches, no_watch, no_inotify, few_descriptors)
