#!/usr/bin/python3 -B
"""R23: the wall clock is set back and forward while lines arrive, by seconds, hours and
days.  No line is lost and none counts twice; the daemon goes on at once.
"""

import glob
import os
import time

import fault
from fault import Ledger, Load, Log, Skip, check, harness, wait


def library():
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        raise Skip("no libfaketime: apt-get install faketime")
    return found[0]


STEPS = ["-3600", "+3600", "-86400", "+86400", "+2", "-2", "-30d", "+30d", "+0"]


def set_clock(path, offset):
    """In one step, as the daemon reads it at any time."""
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write(offset + "\n")
    os.rename(path + ".new", path)


def jumps(test, run, kills):
    clock = test.path("clock")
    set_clock(clock, "+0")
    ledger = Ledger(block=run.either(100, 5000))
    sent = Ledger(block=run.either(100, 5000), name="n")
    port = fault.free_port()
    log = Log(test.path("app.log"), ledger)
    sender = fault.StreamSender(("127.0.0.1", port), sent)
    redis = harness.Redis(test).start()
    daemon = fault.start_case(
        test, redis={"url": f"unix://{redis.socket}"},
        sources=[{"id": "log", "files": [log.path], "start": "beginning"},
                 fault.listener("net", f"tcp://127.0.0.1:{port}")])
    daemon.program = fault.plain_program()
    daemon.environment = {"LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
                          "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}
    set_clock(clock, "-400d")
    daemon.start()
    check(daemon.ask("status")["started"][:4] != time.strftime("%Y"), "the clock is the one of the test")

    def step():
        log.write(10)
        if not kills:  # what is on its way through a socket dies with its reader
            sender.send(10)
    load = Load(step, rate=20)
    for n in range(run.either(1, 20)):
        for offset in run.rng.sample(STEPS, len(STEPS)):
            set_clock(clock, offset)
            time.sleep(run.rng.uniform(0.05, 0.3))
            if kills and run.rng.random() < 0.3:
                daemon.kill()
                daemon.start()
            if run.rng.random() < 0.2:
                log.rotate(compress="gzip", keep=200)
            run.add(steps=1)
        target = ledger.next + sent.next
        wait(lambda: sum(v for (k, _), v in (daemon.counts() or {}).items() if k == "block") >= target,
             f"round {n}: what was written until now is counted while the clock jumps")
    load.stop()
    fault.settle_twice(run, daemon, ledger, sent, what="after the clock was set")


def set_while_it_runs(test, run):
    jumps(test, run, kills=False)


def set_and_killed(test, run):
    jumps(test, run, kills=True)


fault.main(set_while_it_runs, set_and_killed)
