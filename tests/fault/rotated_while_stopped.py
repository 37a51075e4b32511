#!/usr/bin/python3 -B
"""R4: a log is rotated ten times while nobody looks: the daemon is stopped, killed or
frozen, the old logs are compressed by gzip or zstd, at once or one rotation late, by our
own renames or by logrotate.  Each line is counted once.
"""

import os
import shutil
import signal
import subprocess

import fault
from fault import Ledger, Log, Skip, check

ROTATIONS = 10


def begin(test, run):
    ledger = Ledger(block=50)
    daemon = fault.start_case(test, test.path("app.log"))
    log = Log(test.path("app.log"), ledger)
    log.write(170)
    daemon.start()
    fault.settle(run, daemon, ledger, what="before")
    log.write(30)  # of these it may have seen some or none
    return daemon, log, ledger


def rotate(run, log, **how):
    for _ in range(ROTATIONS):
        log.write(run.rng.randint(1, 400))
        log.rotate(keep=ROTATIONS + 5, **how)
        # A program goes on with what it has open until it is told.
        if os.path.exists(f"{log.path}.1"):
            with open(f"{log.path}.1", "ab") as late:
                late.write(log.ledger.lines(run.rng.randint(0, 5)))
    log.write(25)


def finish(run, daemon, ledger):
    fault.settle_twice(run, daemon, ledger, what="after the rotations")
    run.add(rotations=ROTATIONS, lines=ledger.next)


def stopped(test, run, **how):
    daemon, log, ledger = begin(test, run)
    daemon.end() if run.rng.random() < 0.5 else daemon.kill()
    rotate(run, log, **how)
    daemon.start()
    finish(run, daemon, ledger)


def renamed(test, run):
    stopped(test, run)


def gzip_late(test, run):
    stopped(test, run, compress="gzip")


def gzip_at_once(test, run):
    stopped(test, run, compress="gzip", delay=False)


def zstd_late(test, run):
    stopped(test, run, compress="zstd")


def zstd_at_once(test, run):
    stopped(test, run, compress="zstd", delay=False)


def gzip_by_filter(test, run):
    stopped(test, run, compress="filter")


def frozen(test, run, how="gzip"):
    daemon, log, ledger = begin(test, run)
    daemon.signal(signal.SIGSTOP)
    rotate(run, log, compress=how)
    daemon.signal(signal.SIGCONT)
    finish(run, daemon, ledger)


def frozen_by_filter(test, run):
    frozen(test, run, "filter")


def frozen_and_killed(test, run):
    """What it knew of the first rotations is gone too."""
    daemon, log, ledger = begin(test, run)
    daemon.signal(signal.SIGSTOP)
    rotate(run, log, compress="gzip")
    daemon.kill()
    daemon.start()
    finish(run, daemon, ledger)


def by_logrotate(test, run):
    program = shutil.which("logrotate") or "/usr/sbin/logrotate"
    if not os.path.exists(program):
        raise Skip("no logrotate: apt-get install logrotate")
    os.chmod(test.dir, 0o755)
    daemon, log, ledger = begin(test, run)
    conf = test.write("rotate.conf", f"{log.path} {{\n rotate 20\n compress\n delaycompress\n create\n}}\n")
    os.chmod(conf, 0o644)
    daemon.end()
    for _ in range(ROTATIONS):
        log.write(run.rng.randint(1, 400))
        done = subprocess.run([program, "-f", "-s", test.path("rotate.state"), conf],
                              capture_output=True, check=False)
        check(done.returncode == 0, "logrotate:", done.stderr.decode())
        log.open()
    daemon.start()
    finish(run, daemon, ledger)


def again_and_again(test, run):
    """Stopped and rotated several times over, the old logs of before still there."""
    daemon, log, ledger = begin(test, run)
    for n in range(run.either(3, 40)):
        daemon.end() if run.rng.random() < 0.5 else daemon.kill()
        for _ in range(run.rng.randint(1, 3)):
            log.write(run.rng.randint(1, 200))
            log.rotate(keep=200, compress=run.rng.choice((None, "gzip")), delay=run.rng.random() < 0.5)
        log.write(5)
        daemon.start()
        fault.settle(run, daemon, ledger, what=f"round {n}")
    finish(run, daemon, ledger)


fault.main(renamed, gzip_late, gzip_at_once, gzip_by_filter, zstd_late, zstd_at_once, frozen,
           frozen_by_filter, frozen_and_killed, by_logrotate, again_and_again)
