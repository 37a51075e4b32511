#!/usr/bin/python3 -B
"""R8: a hole, runs of NUL bytes, a line longer than anything, a line that comes byte by
byte.  The next line is always seen, what was passed over is told as a gap, and memory
stays within the base and twice max_line.
"""

import os
import time

import fault
from fault import Ledger, Log, check, wait

MAX_LINE = 1 << 20  # the largest that can be configured
SLACK = 4 << 20     # what an allocator and page faults of code may take
GIB = 1 << 30


def begin(test, run):
    ledger = Ledger(block=20)
    log = Log(test.path("app.log"), ledger)
    log.write(100)
    daemon = fault.start_case(test, log.path, max_line=MAX_LINE)
    daemon.start()
    fault.settle(run, daemon, ledger, what="before")
    # All that it ever uses has been used once: a line as long as may be.
    log.put(b"y" * (MAX_LINE - 1) + b"\n")
    log.write(10)
    fault.settle(run, daemon, ledger, what="after a line of max_line")
    return daemon, log, fault.harness.most_memory(daemon.pid)


def finish(run, daemon, log, base, reason, what):
    begun = time.monotonic()
    fault.settle(run, daemon, log.ledger, what=what, seconds=run.either(60, 1800))
    run.most(seconds_until_next_line=time.monotonic() - begun)
    grown = fault.harness.most_memory(daemon.pid) - base
    run.most(grown_KiB=grown >> 10)
    check(fault.is_sanitized() or grown <= 2 * MAX_LINE + SLACK, f"{what}: memory grew by {grown >> 10} KiB")
    wait(lambda: reason is None or reason in daemon.told(), f"{what}: a gap \"{reason}\" is told")
    fault.settle_twice(run, daemon, log.ledger, what=what)


def hole(test, run):
    size = run.either(GIB, 10 * GIB)
    daemon, log, base = begin(test, run)
    os.truncate(log.path, os.stat(log.path).st_size + size)
    log.write(30)
    finish(run, daemon, log, base, "nul", f"after a hole of {size >> 20} MiB")


def long_line(test, run):
    size = run.either(64 << 20, GIB)
    daemon, log, base = begin(test, run)
    log.put(log.ledger.text(log.ledger.take(1)[0]).encode() + b" ")  # its head counts
    for _ in range(size >> 20):
        log.put(b"x" * (1 << 20))
    log.put(b"\n")
    log.write(30)
    finish(run, daemon, log, base, "oversize", f"after a line of {size >> 20} MiB")


def nul_runs(test, run):
    daemon, log, base = begin(test, run)
    for size in (1, 2, 511, 4096, 65536, 1 << 20, 3 << 20):
        log.put(b"\0" * size)
        log.write(3)
    log.put(b"\0" * 100 + b"\n" + b"\0\n" * 50)
    log.write(3)
    finish(run, daemon, log, base, "nul", "after runs of NUL")


def byte_by_byte(test, run):
    """Also over a restart in the middle of a line, and with no newline at the end."""
    daemon, log, _ = begin(test, run)
    for n in range(run.either(12, 300)):
        data = log.ledger.lines(1)
        restart = run.rng.randrange(len(data)) if n % 4 == 3 else None
        for k in range(len(data)):
            log.put(data[k:k + 1])
            if k == restart:
                daemon.kill()
                daemon.start()
            elif run.rng.random() < 0.1:
                time.sleep(0.003)
    fault.settle(run, daemon, log.ledger, what="after lines in pieces")
    log.put(log.ledger.lines(1)[:-1])
    log.rotate()
    log.write(5)
    # A renamed log is let go some ten seconds after its last byte; then its end is a line.
    wait(lambda: (d := daemon.difference(log.ledger)) is not None and not d,
         "the last line without newline counts", seconds=40)
    fault.settle_twice(run, daemon, log.ledger, what="at the end")


fault.main(hole, long_line, nul_runs, byte_by_byte)
