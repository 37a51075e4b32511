#!/usr/bin/python3 -B
"""Two daemons with one Redis, each with a log of its own.  The same user fails on both
hosts: one incident, with the events of both, as one daemon with all lines makes it.
Then both rain at once on the same fifty keys, and one of them is killed and starts
again: no event is lost or counted twice.  Of a rule about incidents, which counts what
both daemons open, there is one incident as well.
"""

import datetime
import json

import harness
from harness import check, equal, failed_login, wait, wait_equal

KEYS, EACH, ROUNDS = 50, 400, 20

ACROSS = """
  - id: test-user-guessing
    title: 'Passwords of {user_name} guessed'
    on: [test.login-failed]
    by: [user_name]
    count: 6
    within: 10m
    severity: high
    criteria: six failed logins of one user on any hosts within ten minutes
"""

CHAIN = """
  - id: test-many-users
    title: 'Passwords of many users guessed'
    on: [test-user-guessing]
    count: 40
    within: 1h
    severity: critical
    criteria: forty users whose passwords were guessed within an hour
"""


def daemons(test, redis):
    found = []
    for node in ("alpha", "beta"):
        test.write(f"{node}.log", b"")
        config = test.config(
            [test.path(f"{node}.log")], name=f"{node}.yaml", node=node,
            state_dir=test.directory(f"state-{node}"), control_socket=test.path(f"{node}.sock"),
            redis={"url": f"unix://{redis.socket}"})
        found.append(test.daemon(config, node))
    return found


def counts(daemon, rule):
    return {key: n for key, n, first, last in daemon.summary(rule)}


def one_user_two_hosts(test, one, two):
    now = datetime.datetime.now(datetime.timezone.utc)
    test.append_lines("alpha.log", [failed_login("192.0.2.1", now, "ann") for _ in range(3)])
    wait(lambda: one.has_examined(test.path("alpha.log")), "the first log is examined")
    equal(counts(one, "test-user-guessing"), {}, "incidents after three failures")
    test.append_lines("beta.log", [failed_login("192.0.2.2", now, "ann") for _ in range(3)])
    wait_equal(lambda: counts(two, "test-user-guessing"), {"ann": 6}, "the incident")
    equal(counts(one, "test-user-guessing"), {"ann": 6}, "the incident as the other one sees it")
    samples = one.ctl("show", "INC-1")["incident"]["samples"]
    equal(sorted({s["file"] for s in samples}),
          [test.path("alpha.log"), test.path("beta.log")], "files of its lines")


def rain(test, one, two):
    now = datetime.datetime.now(datetime.timezone.utc)
    for number in range(ROUNDS):
        for name in ("alpha.log", "beta.log"):
            test.append_lines(name, [failed_login(f"198.51.100.{n % 9}", now, f"user{n % KEYS}")
                                     for n in range(KEYS * EACH // ROUNDS)])
        if number == ROUNDS // 2:
            two.kill()
            two.start(ready=False)
    expected = {f"user{n}": 2 * EACH for n in range(KEYS)} | {"ann": 6}
    wait_equal(lambda: two.ctl_or_none("status") and counts(one, "test-user-guessing"), expected,
               "events of both daemons")


def story(test):
    test.rules(harness.RULES + ACROSS + CHAIN)
    redis = harness.Redis(test).start()
    one, two = daemons(test, redis)
    one.start()
    two.start()
    one_user_two_hosts(test, one, two)
    rain(test, one, two)
    wait_equal(lambda: len(counts(one, "test-many-users")), 1, "incident about incidents")
    wait_equal(lambda: list(counts(one, "test-many-users").values()), [KEYS + 1], "its incidents")
    check(json.dumps(one.incidents()) == json.dumps(two.incidents()), "both see the same")


harness.main(story)
