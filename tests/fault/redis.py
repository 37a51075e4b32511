#!/usr/bin/python3 -B
"""R12, R13, R14: Redis is frozen, killed, has no room, goes back in time while the daemon
is stopped and while it runs, and its append-only file is cut or ends in NUL bytes.  Lines
wait meanwhile; afterwards each counts once.  Prints how fast it catches up.
"""

import glob
import os
import shutil
import signal
import time

import fault
from fault import Ledger, Load, Log, Mount, check, harness, wait

RATE = 2000  # lines a second that arrive


def begin(test, run, own=True, **more):
    ledger = Ledger(block=run.either(200, 20000))
    sent = Ledger(block=run.either(200, 20000), name="n")
    port = fault.free_port()
    log = Log(test.path("app.log"), ledger)
    sender = fault.StreamSender(("127.0.0.1", port), sent)
    redis = harness.Redis(test) if own else None
    if own:
        more["redis"] = {"url": f"unix://{redis.socket}"}
        redis.start()
    sources = [{"id": "log", "files": [log.path], "start": "beginning"},
               fault.listener("net", f"tcp://127.0.0.1:{port}")]
    daemon = fault.start_case(test, sources=sources, **more)
    daemon.start()

    def step():
        log.write(RATE // 20)
        sender.send(RATE // 200)
    return daemon, redis, step, (ledger, sent)


def catch_up(run, daemon, ledgers, load, since):
    """How fast what had waited is worked off while more arrives, against the rate of
    arrival."""
    waited = sum(ledger.next for ledger in ledgers) - since
    begun = time.monotonic()
    target = sum(ledger.next for ledger in ledgers)

    def has_caught_up():
        counts = daemon.counts()
        return counts is not None and sum(n for (k, _), n in counts.items() if k == "block") >= target
    wait(has_caught_up, "it catches up", seconds=run.either(60, 600), pause=0.01)
    took = time.monotonic() - begun
    load.stop()
    rate = waited / took
    run.sums["catches_up_at_lines_per_second"] = min(
        run.sums.get("catches_up_at_lines_per_second", rate), rate)
    run.sums["times_the_rate_of_arrival"] = min(
        run.sums.get("times_the_rate_of_arrival", 1e9), rate / (RATE * 1.1))


def frozen(test, run):
    daemon, redis, step, ledgers = begin(test, run)
    load = Load(step, rate=20)
    time.sleep(0.5)
    for _ in range(run.either(1, 3)):
        redis.signal(signal.SIGSTOP)
        since = sum(ledger.next for ledger in ledgers)
        time.sleep(run.either(4, 60))
        check(not daemon.redis_is_ready(), "it says that Redis is away")
        redis.signal(signal.SIGCONT)
    catch_up(run, daemon, ledgers, load, since)
    fault.settle_twice(run, daemon, *ledgers, what="after Redis was frozen")


def killed(test, run):
    daemon, redis, step, ledgers = begin(test, run)
    load = Load(step, rate=20)
    for _ in range(run.either(5, 100)):
        time.sleep(run.rng.uniform(0, 0.4))
        redis.kill()
        time.sleep(run.rng.uniform(0, 0.4))
        redis.start()
        if run.rng.random() < 0.3:
            wait(daemon.redis_is_ready, "it is back")
    load.stop()
    fault.settle_twice(run, daemon, *ledgers, what="after Redis was killed")


def private_killed(test, run):
    daemon, _, step, ledgers = begin(test, run, own=False)
    load = Load(step, rate=20)
    for _ in range(run.either(4, 100)):
        time.sleep(run.rng.uniform(0, 0.5))
        pid = daemon.redis_pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
    load.stop()
    fault.settle_twice(run, daemon, *ledgers, what="after its own Redis was killed")


def disk_of_redis_full(test, run):
    """The private server's append-only file cannot grow."""
    disk = Mount(test, "state").tmpfs("16m")
    daemon, _, step, ledgers = begin(test, run, own=False)
    load = Load(step, rate=20)
    for _ in range(run.either(2, 10)):
        time.sleep(0.5)
        disk.fill()
        time.sleep(run.either(2, 20))
        check(daemon.runs(), "the daemon ended when the disk was full")
        disk.relieve()
        wait(daemon.redis_is_ready, "it recovers by itself", seconds=60)
    load.stop()
    fault.settle_twice(run, daemon, *ledgers, what="after the disk was full")


def keep(redis, test):
    """A copy of what Redis has on disk, as of a backup."""
    target = test.path("backup")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(os.path.join(redis.dir, "appendonlydir"), target)


def go_back(redis, test):
    shutil.rmtree(os.path.join(redis.dir, "appendonlydir"))
    shutil.copytree(test.path("backup"), os.path.join(redis.dir, "appendonlydir"))


def older_copy(test, run, running):
    daemon, redis, step, ledgers = begin(test, run)
    for n in range(run.either(2, 25)):
        for _ in range(3):
            step()
        fault.settle(run, daemon, *ledgers, what="before the copy")
        redis.kill()
        keep(redis, test)
        redis.start()
        for _ in range(5):
            step()
            time.sleep(0.05)
        if run.rng.random() < 0.5:
            fault.settle(run, daemon, *ledgers, what="before it goes back")
        if not running:
            daemon.end()
        redis.kill()
        go_back(redis, test)
        if running:
            step()
        redis.start()
        if not running:
            daemon.start()
        fault.settle(run, daemon, *ledgers, what=f"after Redis went back in time, {n}")
    fault.settle_twice(run, daemon, *ledgers, what="after Redis went back in time")


def older_copy_while_stopped(test, run):
    older_copy(test, run, running=False)


def older_copy_while_running(test, run):
    older_copy(test, run, running=True)


def newest_part(test):
    found = glob.glob(test.path("state/redis/appendonlydir/*.incr.aof"))
    return max(found, key=lambda path: int(path.rsplit(".", 3)[-3]))


def damaged(test, run):
    """What a power cut leaves of a file: its end is missing, or is NUL."""
    daemon, _, step, ledgers = begin(test, run, own=False)
    step()
    fault.settle(run, daemon, *ledgers, what="before")
    for n in range(run.either(6, 100)):
        for _ in range(3):
            step()
            time.sleep(0.35)  # damages come seconds apart
        if run.rng.random() < 0.5:
            daemon.end()
        else:
            pid = daemon.redis_pid()
            daemon.kill()
            os.kill(pid, signal.SIGKILL)
            wait(lambda: harness.is_gone(pid), "its Redis is gone")
        path = newest_part(test)
        size = os.stat(path).st_size
        cut = min(size, run.rng.randint(0, 4096))
        if n % 3 != 2:
            os.truncate(path, size - cut)
        if n % 3 != 0:
            with open(path, "ab") as f:
                f.write(b"\0" * run.rng.choice((1, 511, 4096)))
        daemon.start()
        fault.settle(run, daemon, *ledgers, what=f"damage {n}: cut {cut if n % 3 != 2 else 0} of {size}, "
                     f"NUL {'appended' if n % 3 else 'none'}")
        check(daemon.redis_is_ready(), "Redis is there")
    run.add(damages=run.either(6, 100))


fault.main(frozen, killed, private_killed, disk_of_redis_full, older_copy_while_stopped,
           older_copy_while_running, damaged)
