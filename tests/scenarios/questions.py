#!/usr/bin/python3 -B
"""A question that Redis cannot answer is answered with why, and nothing else comes of it:
the daemon has not lost Redis, and what it follows goes on.
"""

import harness
from harness import check, equal, wait_equal

LINES = [f"Failed password for root from 192.0.2.{n} port 1".encode() for n in range(1, 31)]
RULES = r"""
events:
  - id: door.denied
    title: Denied at a door
    class: unauthorized-access
    severity: low
    match: 'from (?<source_ip>\S+) port'
incidents:
  - id: denied
    title: 'Denied {source_ip}'
    on: [door.denied]
    by: [source_ip]
    count: 1
    within: 1h
    severity: medium
    criteria: any
"""
# What a question needs in Redis and a commit does not.
NEEDS = {("incidents",): "zrevrange", ("rule", "denied"): "hgetall"}


def allow(redis, sign):
    with harness.Client(redis.socket) as client:
        client("ACL", "SETUSER", "default", *(sign + command for command in NEEDS.values()))


def story(test, partitions):
    test.rules(RULES)
    redis = harness.Redis(test).start()
    daemon = test.daemon(test.config([test.path("door.log")],
                         redis={"url": f"unix://{redis.socket}", "partitions": partitions})).start()
    test.append_lines("door.log", LINES[:10])
    wait_equal(lambda: len(daemon.incidents()), 10, "incidents")

    allow(redis, "-")
    for question in NEEDS:
        error = daemon.ctl_fails(1, *question)
        check("permission" in error or "can't run" in error, f"why {question} failed:", error)
    test.append_lines("door.log", LINES[10:])
    wait_equal(lambda: daemon.ctl("status")["counters"]["incidents_opened"], 30, "incidents are opened")

    allow(redis, "+")
    equal(len(daemon.incidents()), 30, "incidents")
    equal(daemon.ctl("rule", "denied")["groups"], 30, "groups")
    check("Redis is away" not in daemon.said(), "Redis was not lost:", daemon.said())


def one(test):
    story(test, 1)


def three(test):
    story(test, 3)


harness.main(one, three)
