#!/usr/bin/python3 -B
"""R6: files are made, read, removed, and made again with the inode of another; a hundred
files begin with the same kilobytes; a file is replaced, while the daemon is stopped, by
a longer one with the same inode and the same head.  On ext4, tmpfs and overlayfs.  No
line counts for another file's position: each counts once.
"""

import os
import time

import fault
from fault import Ledger, Mount, wait

HEAD = b"".join(b"# line %d of a header that all of them share\n" % n for n in range(200))
EQUAL = 100


def ext4(test):
    return Mount(test, "ext4").image(fault.make_ext4(test, "ext4.img", 64)).path


def tmpfs(test):
    return Mount(test, "tmpfs").tmpfs("64m").path


def overlay(test):
    base = Mount(test, "base").tmpfs("64m")
    parts = [os.path.join(base.path, part) for part in ("lower", "upper", "work")]
    for part in parts:
        os.mkdir(part)
    return Mount(test, "overlay").mount(
        "-t", "overlay", "-o", "lowerdir={},upperdir={},workdir={}".format(*parts), "none").path


def make_and_remove(test, run, directory):
    """Each file is read before it goes; how much of it there is, is never the same."""
    cycles, at_once = run.either(600, 33400), 30
    ledger = Ledger(block=run.either(50, 5000))
    daemon = fault.start_case(test, os.path.join(directory, "*.log"))
    daemon.start()
    inodes, written = [], 0
    for n in range(0, cycles, at_once):
        paths = [os.path.join(directory, f"{n % 60 + k}.log") for k in range(at_once)]
        for path in paths:
            lines = run.rng.randint(1, 3)
            written += lines
            with open(path, "wb", buffering=0) as f:
                f.write(ledger.lines(lines))
                inodes.append(os.fstat(f.fileno()).st_ino)
        deadline = time.monotonic() + 10 * run.patience
        while daemon.lines_examined() < written and time.monotonic() < deadline:
            time.sleep(0.005)
        for path in paths:
            os.unlink(path)
    fault.settle_twice(run, daemon, ledger, what=f"{cycles} files made and removed")
    run.add(files=len(inodes), inodes_reused=len(inodes) - len(set(inodes)))
    daemon.end()


def equal_heads(test, run, directory):
    """A hundred files with the same head grow in turns; some change names meanwhile, and
    over a restart."""
    ledger = Ledger(block=50)
    daemon = fault.start_case(test, os.path.join(directory, "equal", "*.log"), name="equal",
                              state_dir=test.path("state-equal"), control_socket=test.path("equal.sock"))
    os.mkdir(os.path.join(directory, "equal"))
    paths = [os.path.join(directory, "equal", f"{n}.log") for n in range(EQUAL)]
    for path in paths:
        with open(path, "wb") as f:
            f.write(HEAD)
    daemon.start()
    for turn in range(6):
        for path in paths:
            with open(path, "ab", buffering=0) as f:
                f.write(ledger.lines(run.rng.randint(0, 2)))
        if turn in (2, 4):
            daemon.end()
            one, other = run.rng.sample(paths, 2)
            os.rename(one, one + ".tmp")
            os.rename(other, one)
            os.rename(one + ".tmp", other)
            daemon.start()
        fault.settle(run, daemon, ledger, what=f"turn {turn}")
    daemon.end()
    run.add(equal_files=EQUAL)


def replaced(test, run, directory):
    """While the daemon is stopped, until an inode comes again."""
    ledger = Ledger(block=50)
    path = os.path.join(directory, "replaced.log")
    daemon = fault.start_case(test, path, name="replaced", state_dir=test.path("state-replaced"),
                              control_socket=test.path("replaced.sock"))
    same = 0
    for _ in range(run.either(4, 50)):
        with open(path, "wb", buffering=0) as f:
            f.write(HEAD + ledger.lines(run.rng.randint(1, 40)))
            before = os.fstat(f.fileno()).st_ino
        daemon.start()
        fault.settle(run, daemon, ledger, what="before it is replaced")
        wait(lambda: daemon.has_examined(path), "it is examined")
        daemon.end()
        os.unlink(path)
        with open(path, "wb", buffering=0) as f:
            f.write(HEAD + ledger.lines(60))
            same += os.fstat(f.fileno()).st_ino == before
        daemon.start()
        fault.settle(run, daemon, ledger, what="after it was replaced")
        daemon.end()
        os.unlink(path)
    run.add(replaced_with_same_inode=same)


def all_on(make):
    def on(test, run):
        directory = make(test)
        make_and_remove(test, run, directory)
        equal_heads(test, run, directory)
        replaced(test, run, directory)
    on.__name__ = f"on_{make.__name__}"
    return on


fault.main(all_on(ext4), all_on(tmpfs), all_on(overlay))
