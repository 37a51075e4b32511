#!/usr/bin/python3 -B
"""The private Redis writes its file anew when it has grown and the storm is over; what the
daemon knew is in the new one.
"""

import os

import harness
from harness import check, equal, wait

LINE = harness.failed_login("192.0.2.1")
MB = 1 << 20


def grown(daemon):
    """Bytes that were added to the file since it was written anew, and how often it was."""
    where = os.path.join(daemon.state_dir, "redis/appendonlydir")
    names = [name for name in os.listdir(where) if ".incr." in name]
    numbers = [int(name.split(".")[2]) for name in os.listdir(where) if ".base." in name]
    return sum(os.stat(os.path.join(where, name)).st_size for name in names), max(numbers)


def story(test):
    test.rules()
    daemon = test.daemon(test.config([test.path("auth.log")])).start()
    test.append_lines("auth.log", [LINE] * 5)
    wait(lambda: len(daemon.incidents()) == 1, "an incident")
    with harness.Client(daemon.redis_socket()) as client:
        for _ in range(70):
            client("SET", "triaged:large", b"x" * MB)
    size, number = grown(daemon)
    check(size > 70 * MB, "the file has grown:", size)
    wait(lambda: grown(daemon)[1] > number and grown(daemon)[0] < MB, "the file is written anew")
    check("written anew" not in daemon.said(), "nothing is wrong:", daemon.said())
    daemon.kill()
    daemon.start()
    test.append_lines("auth.log", [LINE] * 2)
    wait(lambda: daemon.summary_or_none() is not None and daemon.incidents()[0]["count"] == 7,
         "events join the incident")
    equal(len(daemon.incidents()), 1, "incidents")


harness.main(story)
