#!/usr/bin/python3 -B
"""R7: a file is cut to nothing and filled again before anyone looks, with sizes around
the one that was examined: shorter, equal, a byte longer, twice as long.  Its new lines
count, all of them once, whatever the size; also when the first lines are the old ones.
"""

import os
import signal
import time

import fault
from fault import Ledger, wait

WIDTH = 64    # of a line with its newline: sizes can then be said in bytes
BEFORE = 40   # lines


def padded(ledger, n):
    return b"".join(line.ljust(WIDTH - 1, b".") + b"\n" for line in ledger.lines(n).splitlines())


def of_size(ledger, size):
    """Lines of exactly this many bytes, the last one longer or made of dots alone."""
    whole, rest = divmod(size, WIDTH)
    data = padded(ledger, whole)
    return data + (b"." * (rest - 1) + b"\n" if rest else b"")


def sizes(run):
    examined = BEFORE * WIDTH
    near = list(range(examined - 70, examined + 71))
    far = [0, 1, WIDTH, examined // 2, examined * 2, examined * 4, 65536, 65536 + examined, 131072]
    if run.long:
        return near + far + [n * WIDTH for n in range(1, 2 * BEFORE)]
    return run.rng.sample(near, 24) + [examined, examined + 1, examined - 1, examined + WIDTH] + far


def refill(path, data):
    """As a program that opens its log with O_TRUNC: the same file."""
    with open(path, "r+b", buffering=0) as f:
        f.truncate(0)
        f.write(data)


def begin(test, run, head=b""):
    todo = sizes(run)
    ledger = Ledger(block=run.either(50, 500))
    directory = test.directory("logs")
    paths = [os.path.join(directory, f"refill-{n}.log") for n in range(len(todo))]
    for path in paths:
        with open(path, "wb") as f:
            f.write(head + padded(ledger, BEFORE - len(head) // WIDTH))
    daemon = fault.start_case(test, os.path.join(directory, "*.log"))
    daemon.start()
    fault.settle(run, daemon, ledger, what="before")
    wait(lambda: all(daemon.has_examined(path) for path in paths[-1:]), "they are examined")
    return daemon, ledger, list(zip(paths, todo))


def finish(run, daemon, ledger, files):
    fault.settle_twice(run, daemon, ledger, what="after the refill")
    run.add(sizes=len(files))


def while_frozen(test, run, head=b""):
    daemon, ledger, files = begin(test, run, head)
    daemon.signal(signal.SIGSTOP)
    for path, size in files:
        refill(path, (head if size >= len(head) else b"") + of_size(ledger, max(0, size - len(head))))
    daemon.signal(signal.SIGCONT)
    finish(run, daemon, ledger, files)


def while_stopped(test, run, head=b""):
    daemon, ledger, files = begin(test, run, head)
    daemon.end()
    for path, size in files:
        refill(path, (head if size >= len(head) else b"") + of_size(ledger, max(0, size - len(head))))
    daemon.start()
    finish(run, daemon, ledger, files)


HEAD = b"# a header that is the same each time".ljust(WIDTH - 1, b".") + b"\n"


def equal_heads_frozen(test, run):
    while_frozen(test, run, HEAD * 20)


def equal_heads_stopped(test, run):
    while_stopped(test, run, HEAD * 20)


def equal_ends(test, run):
    """The last kilobyte before the examined offset is that of before; after a pause, as
    between the runs of a program that begins its log anew."""
    end = b"." * 1023 + b"\n"
    ledger = Ledger(block=50)
    paths = [os.path.join(test.directory("logs"), f"refill-{n}.log") for n in range(10)]
    for path in paths:
        with open(path, "wb") as f:
            f.write(padded(ledger, BEFORE) + end)
    daemon = fault.start_case(test, test.path("logs/*.log"))
    daemon.start()
    fault.settle(run, daemon, ledger, what="before")
    wait(lambda: all(daemon.has_examined(path) for path in paths), "they are examined")
    time.sleep(1.5)
    for n, path in enumerate(paths):
        if n == len(paths) // 2:
            daemon.signal(signal.SIGSTOP)
        refill(path, padded(ledger, BEFORE) + end + padded(ledger, n))
    daemon.signal(signal.SIGCONT)
    finish(run, daemon, ledger, paths)


def at_once(test, run):
    """With the daemon awake: whether it looks in between is chance."""
    daemon, ledger, files = begin(test, run)
    for path, size in files:
        refill(path, of_size(ledger, size))
    finish(run, daemon, ledger, files)


fault.main(while_frozen, while_stopped, equal_heads_frozen, equal_heads_stopped, equal_ends, at_once)
