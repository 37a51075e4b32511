#!/usr/bin/python3 -B
"""What became of events that no incident is about: lines that unless excludes are counted
as allow-listed, a day and a rule, once each though the daemon is killed in between; the same
in tests of incident rules.  And what explain tells of the groups that a line counts for.
"""

import json
import time

import harness
from harness import check, equal, wait, wait_equal

RULES = r"""
lists:
  - {id: office, values: [192.0.2.0/24]}

events:
  - id: door.denied
    title: Denied at a door
    class: unauthorized-access
    severity: low
    match: '^denied (?<user_name>\w+) from (?<source_ip>\S+)$'
    unless:
      - {source_ip: '@office'}
  - id: door.opened
    title: Door opened
    class: access
    severity: info
    match: '^opened for (?<user_name>\w+)$'
    unless:
      - {user_name: guard}

incidents:
  - id: door-guessing
    title: 'Guessing from {source_ip}'
    on: [door.denied]
    by: [source_ip]
    unless:
      - {user_name: probe}
    count: 3
    within: 1h
    severity: medium
    criteria: three denials in an hour
    tests:
      - name: the office and the probe may
        lines:
          - {line: 'denied ann from 192.0.2.1', repeat: 4}
          - {line: 'denied probe from 198.51.100.1', repeat: 3}
          - 'denied ann from 198.51.100.1'
        incidents: []
        dispositions: {allow-listed: 7, below: 1, promoted: 0}
  - id: door-ann
    title: Ann is denied
    on: [door.denied]
    where: {user_name: ann}
    count: 100
    within: 1h
    severity: medium
    criteria: a hundred denials in an hour
"""

LINES = [b"denied ann from 192.0.2.1"] * 5 + [b"denied bob from 192.0.2.1"] * 2 + [
    b"denied probe from 198.51.100.1"] * 3 + [b"denied ann from 198.51.100.1"] + [
    b"opened for ann"] * 2 + [b"opened for guard"] * 4

EXPECTED = {
    "door.denied": {"allow-listed": 7},
    "door-guessing": {"allow-listed": 10, "counted": 1},
    "door-ann": {"allow-listed": 5, "counted": 1},
    "door.opened": {"allow-listed": 4, "recorded": 2},
}


KILLS = 3
MANY = 20000


def became(daemon, rule):
    """Of the rule's events, of all days."""
    answer = daemon.ctl_or_none("rule", rule)
    total = {}
    for day in (answer or {"days": {}})["days"].values():
        for what, n in day.items():
            total[what] = total.get(what, 0) + n
    return total


def explain(daemon, line, *options):
    done = daemon.ctl_raw("-c", daemon.config, *options, "explain", line)
    check(done.returncode in (0, 1) and not done.stderr, "explain:", done.stdout, done.stderr)
    return done.stdout.decode()


def counts_for(daemon, line):
    return json.loads(explain(daemon, line, "-o", "json")).get("counts_for")


def kill(test, daemon):
    """Lines that are allow-listed, while the daemon is killed.  Returns how many they are."""
    before = became(daemon, "door.denied").get("allow-listed", 0)
    lines = [line for line in LINES if b"192.0.2.1" in line] * MANY
    for _ in range(KILLS):
        test.append_lines("door.log", lines)
        time.sleep(0.05)
        daemon.kill()
        daemon.start()
    count = KILLS * len(lines)
    wait(lambda: became(daemon, "door.denied").get("allow-listed", 0) >= before + count, "all are counted")
    wait(lambda: daemon.has_examined(test.path("door.log")), "the log is examined")
    return count


def tell_dispositions(test, daemon):
    test.append_lines("door.log", LINES)
    daemon.start()
    wait_equal(lambda: {rule: became(daemon, rule) for rule in EXPECTED}, EXPECTED, "dispositions")
    text = daemon.ctl_raw("rule", "door.denied").stdout.decode()
    check(text.startswith("door.denied: Denied at a door\nevents of") and " 7 allow-listed\n" in text,
          "rule, of an event rule:", text)

    allowed = 7 + kill(test, daemon)
    equal({rule: became(daemon, rule).get("allow-listed") for rule in EXPECTED},
          {"door.denied": allowed, "door-guessing": allowed + 3, "door-ann": allowed // 7 * 5,
           "door.opened": 4}, "allow-listed after kills")


def tell_windows(test, daemon):
    line = "denied bob from 198.51.100.1"
    test.append_lines("door.log", [line.encode()])
    wait_equal(lambda: became(daemon, "door-guessing").get("counted"), 2, "it is counted")
    [one] = counts_for(daemon, line)
    group = one["group"]
    equal((one["rule"], one["event"], one["key"]),
          ("door-guessing", "door.denied", {"source.ip": "198.51.100.1"}), "what it counts for")
    equal((group["has"], group["needs"], group["events"], "incident" in group), (2, 3, 2, False),
          "what is in the window")
    check(group["since"] <= group["last_event"] <= one["now"], "times:", one)
    text = explain(daemon, line)
    check("\ndoor.denied: counts for door-guessing, source.ip = 198.51.100.1\n"
          f"  in the daemon now, 2" in text and f": 2 of 3 since {group['since']}" in text,
          "the window as text:", text)
    equal(counts_for(daemon, "denied bob from 203.0.113.1")[0]["group"], None, "a group not there")
    check("nothing of this group" in explain(daemon, "denied bob from 203.0.113.1"), "as text")
    equal(counts_for(daemon, "denied probe from 203.0.113.1"),
          [{"rule": "door-guessing", "event": "door.denied", "not": "allow-listed"}], "excluded")
    test.append_lines("door.log", [line.encode()])
    wait(lambda: daemon.ctl("incidents"), "an incident is open")
    [one] = counts_for(daemon, line)
    equal((one["group"]["incident"], one["group"]["incident_count"]), ("INC-1", 3), "what it joins")
    check("INC-1 is open with 3 events, the last event at 2" in explain(daemon, line), "as text")


def story(test):
    test.rules(RULES)
    daemon = test.daemon(test.config([test.path("door.log")]))
    before = explain(daemon, "denied ann from 198.51.100.1")
    check("door.denied: yes" in before and "counts for" not in before, "without a daemon:", before)
    equal(counts_for(daemon, "denied ann from 198.51.100.1"), None, "without a daemon, as JSON")
    done = daemon.ctl_raw("-c", daemon.config, "rules", "test")
    equal(done.returncode, 0, f"exit code of rules test, which said {done.stdout}")
    tell_dispositions(test, daemon)
    tell_windows(test, daemon)
    daemon.stop()
    after = explain(daemon, "denied ann from 198.51.100.1")
    equal(after.partition("message")[2], before.partition("message")[2], "when the daemon is gone")


def apart(test):
    """Of four partitions one counts what belongs to no group, and may be behind the others."""
    test.rules(RULES)
    redis = harness.Redis(test).start()
    config = test.config([test.path("door.log")],
                         redis={"url": f"unix://{redis.socket}", "partitions": 4})
    daemon = test.daemon(config).start()
    counted = [f"denied ann from 198.51.{n // 200}.{n % 200}".encode() for n in range(3000)]
    opened = [b"opened for ann"] * 1000
    test.append_lines("door.log", counted + opened)
    allowed = kill(test, daemon)
    test.append_lines("door.log", opened + counted)
    allowed += kill(test, daemon)
    wait_equal(lambda: {rule: became(daemon, rule) for rule in EXPECTED},
               {"door.denied": {"allow-listed": allowed}, "door.opened": {"recorded": 2000},
                "door-guessing": {"allow-listed": allowed, "counted": 6000},
                "door-ann": {"allow-listed": allowed // 7 * 5, "counted": 6000, "promoted": 100,
                             "folded": 5900}}, "dispositions")


harness.main(story, apart)
