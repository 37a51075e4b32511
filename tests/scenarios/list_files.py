#!/usr/bin/python3 -B
"""Files of lists.  What a file has counts for the next lines seconds after it was changed, without
a reload: as a condition (where), as an exception (unless), and as keys that are expected (each).
What cannot be used, or is still being written, changes nothing; it is told once, with its line.
"""

import os
import time

import list_rules
from harness import check, equal, main, program, run, wait, wait_equal
from list_rules import counts, status, wait_values

RULES = list_rules.rules("file: blocked.txt", "file: own.txt", "file: hosts.txt", absent="2s")
LOOK_EVERY = 2  # seconds, of the daemon


def login(n):
    return list_rules.login(f"198.51.100.{n}")


def keys(daemon, rule):
    """Of a rule's incidents, the last part of each key."""
    return sorted(key.split(".")[-1] for key in counts(daemon, rule) or {})


def replace(test, name, text):
    """As an editor does, or a careful script."""
    os.rename(test.write(name + ".new", text), test.path(name))


def set_up(test, hosts=""):
    test.rules(RULES)
    test.write("rules/blocked.txt", "198.51.100.1\n")
    test.write("rules/own.txt", "")
    test.write("rules/hosts.txt", hosts)
    test.append_lines("app.log", [])
    return test.daemon(test.config([test.path("app.log")])).start()


def values_come_and_go(test):
    daemon = set_up(test)
    test.append_lines("app.log", [login(1), login(2), login(3)])
    wait_equal(lambda: keys(daemon, "any"), ["1", "2", "3"], "logins")
    equal(keys(daemon, "blocked"), ["1"], "of blocked addresses")
    row = status(daemon, "blocked")
    equal((row["key"], row["file"], row["known"], row["values"], row["problem"]),
          (None, test.path("rules/blocked.txt"), True, 1, None), "status")

    replace(test, "rules/blocked.txt", "198.51.100.2 # one\n198.51.100.64/26\n")
    replace(test, "rules/own.txt", "198.51.100.3\n198.51.100.4\n")
    for name in ("blocked", "own"):
        wait_values(daemon, name, 2)
    test.append_lines("app.log", [login(n) for n in (4, 1, 2, 77)])
    wait_equal(lambda: keys(daemon, "any"), ["1", "2", "3", "77"], "all but an exception")
    equal(keys(daemon, "blocked"), ["1", "2", "77"], "1 from before, 2 and a network")
    row = next(r for r in daemon.ctl("incidents", "--all")
               if r["rule"] == "blocked" and r["key"]["source.ip"].endswith(".1"))
    equal(row["count"], 1, "what is not in the file any more")
    check(f"list       blocked: {test.path('rules/blocked.txt')}, 2 values" in
          daemon.ctl_raw("status").stdout.decode(), "status as text")


def what_cannot_be_used(test):
    daemon = set_up(test)
    replace(test, "rules/blocked.txt", "198.51.100.2\nann\nbob\n")
    wait(lambda: status(daemon, "blocked")["problem"], "a problem")
    problem = status(daemon, "blocked")["problem"]
    check(problem.startswith(test.path("rules/blocked.txt") + ':2:1: "ann" is not an IP address'), problem)
    check(b"PROBLEM: " in daemon.ctl_raw("status").stdout, "it is shown")
    test.append_lines("app.log", [login(1), login(2)])
    wait_equal(lambda: keys(daemon, "any"), ["1", "2"], "logins")
    equal(keys(daemon, "blocked"), ["1"], "the values from before")
    check(daemon.ctl_raw("reload").returncode != 0, "a reload is refused")
    for n in (2, 3):  # two looks, at which it is as it was
        replace(test, "rules/own.txt", "192.0.2.7\n" * n)
        wait_values(daemon, "own", n)
    equal(daemon.said().count("what was read before is still used"), 1, "it is told once")

    os.unlink(test.path("rules/blocked.txt"))
    wait(lambda: "No such file" in status(daemon, "blocked")["problem"], "that it is missing")
    test.append_lines("app.log", [login(1), login(2), login(5)])
    wait_equal(lambda: keys(daemon, "any"), ["1", "2", "5"], "logins")
    equal(keys(daemon, "blocked"), ["1"], "the values from before")

    test.write("rules/blocked.txt", "198.51.100.2\n")
    wait(lambda: not status(daemon, "blocked")["problem"], "no problem")
    test.append_lines("app.log", [login(2)])
    wait_equal(lambda: keys(daemon, "blocked"), ["1", "2"], "what came then")


def half_written(test):
    """What is the same at two looks counts as written: so we must not pause for that long."""
    daemon = set_up(test)
    start = before = time.monotonic()
    lines = pause = 0
    with open(test.path("rules/blocked.txt"), "w", encoding="ascii") as file:
        while before < start + 3 * LOOK_EVERY:
            since, before = before, time.monotonic()
            file.write("198.51.100.2\n")
            file.flush()
            lines += 1
            values = status(daemon, "blocked")["values"]
            pause = max(pause, time.monotonic() - since)
            check(values == 1 or pause >= LOOK_EVERY, "it was read while it is written")
            time.sleep(0.1)
        file.write("198.51.100.9\n")
    pause = max(pause, time.monotonic() - before)
    wait_values(daemon, "blocked", lines + 1)
    test.append_lines("app.log", [login(9)])
    wait_equal(lambda: keys(daemon, "blocked"), ["9"], "the last value")
    check(daemon.said().count("blocked.txt: ") == 1 or pause >= LOOK_EVERY, "it was read once")


def expected_keys(test):
    daemon = set_up(test, "WEB\n")
    wait_equal(lambda: keys(daemon, "silent"), ["web"], "a host that is expected is silent", 60)
    replace(test, "rules/hosts.txt", "web\ndb\n")
    wait_equal(lambda: keys(daemon, "silent"), ["db", "web"], "and one that is expected later", 60)


def at_a_load(test):
    test.rules(RULES)
    test.write("rules/own.txt", "")
    test.write("rules/hosts.txt", "")
    test.append_lines("app.log", [])
    conf = test.config([test.path("app.log")])
    done = run([program("TRIAGED", "triaged"), "-t", "-c", conf])
    check(done.returncode != 0 and b"blocked.txt: No such file" in done.stderr, done.stderr)
    test.write("rules/blocked.txt", "\nann\n")
    done = run([program("TRIAGED", "triaged"), "-t", "-c", conf])
    check(done.returncode != 0 and b'blocked.txt:2:1: "ann" is not' in done.stderr, done.stderr)


main(values_come_and_go, what_cannot_be_used, half_written, expected_keys, at_a_load, together=True)
