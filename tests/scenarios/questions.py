#!/usr/bin/python3 -B
"""A question that Redis cannot answer is answered with why, and nothing else comes of it:
the daemon has not lost Redis, and what it follows goes on.  And the rights that
triaged.yaml(5) asks for a user in Redis are enough.
"""

import os
import re

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


def the_rights_of_the_manual(test):
    """All that the daemon does with Redis, by a user that may do no more than that."""
    with open(os.path.join(harness.ROOT, "man/triaged.yaml.5"), encoding="utf-8") as f:
        rights = re.search(r"^user triaged (on >PASSWORD .*?)^\.Ed$", f.read(), re.M | re.S)[1].split()
    redis = harness.Redis(test).start()
    with harness.Client(redis.socket) as client:
        client("ACL", "SETUSER", "triaged", *rights)
    test.rules(RULES + "lists:\n  - {id: known, redis: known}\n")
    daemon = test.daemon(test.config([test.path("door.log")], redis={
        "url": f"unix://{redis.socket}", "user": "triaged", "password": "PASSWORD", "partitions": 2})).start()
    test.append_lines("door.log", LINES[:10])
    wait_equal(lambda: len(daemon.incidents()), 10, "incidents")
    daemon.ctl("close", "INC-1", "-m", "over")
    for question in (("show", "INC-2"), ("rule", "denied"), ("sources",), ("outbox",)):
        daemon.ctl(*question)
    silence = daemon.ctl("silence", "denied", "-d", "1h", "-m", "x")
    daemon.ctl("unsilence", silence["id"], "-m", "x")
    equal(len(daemon.ctl("silences", "--all")), 1, "silences")
    daemon.restart()
    test.append_lines("door.log", LINES[10:])
    wait_equal(lambda: len(daemon.incidents()), 30, "incidents")
    with harness.Client(redis.socket) as client:
        equal(client("ACL", "LOG"), [], "what the user had no right to")


harness.main(one, three, the_rights_of_the_manual)
