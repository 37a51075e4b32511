#!/usr/bin/python3 -B
"""triagectl rules list: what it knows without a daemon; which rules had events and which
are of programs that write here, with one; and that a reload keeps the numbers.  What a
rule calls context is counted and printed nowhere.
"""

import json

import harness
from harness import check, equal, failed_login, wait

MORE = """
events:
  - id: door.wrong-code
    title: Wrong code at a door
    class: unauthorized-access
    severity: low
    tsc: [CC7.2, CC6.4]
    where: {program: doord}
    match: '^wrong code$'
  - id: door.opened
    title: Door opened
    class: access
    severity: info
    context: true
    where: {program: doord}
    match: '^opened$'
  - id: lift.stuck
    title: Lift stuck
    class: availability
    severity: low
    where: {program: [liftd, lift2d]}
    match: '^stuck between floors$'
  - id: any.broken
    title: Broken
    class: availability
    severity: low
    tsc: CC7.2
    match: '^all is broken$'

incidents:
  - id: door-guessing
    title: Codes are tried
    on: [door.wrong-code, test.login-failed]
    count: 3
    within: 1h
    severity: low
    criteria: three wrong codes
    tests:
      - name: two
        lines: [{line: 'doord[7]: wrong code', repeat: 2}]
        incidents: []
  - id: doors-guessing
    title: Codes are tried again and again
    on: door-guessing
    count: 3
    within: 1d
    severity: low
    criteria: three times
"""


def criteria(daemon):
    """By criterion: event rules, those with a test, incident rules, those with a test, events;
    and the event rules that speak to none."""
    done = daemon.ctl_raw("-c", daemon.config, "-o", "json", "rules", "list", "--criteria")
    equal(done.returncode, 0, f"exit code of rules list --criteria, which said {done.stderr}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    names = ("event_rules", "event_rules_tested", "incident_rules", "incident_rules_tested", "events")
    return ([[row["id"], *(row[name] for name in names)] for row in rows if row["type"] == "criterion"],
            sorted(row["id"] for row in rows if row["type"] == "without"))


def listed(daemon, *names):
    """The rows of these rules; the socket may be of nobody."""
    done = daemon.ctl_raw("-c", daemon.config, "-o", "json", "rules", "list")
    equal(done.returncode, 0, f"exit code of rules list, which said {done.stderr}")
    rows = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    return [[rows[name][key] for key in ("tests", "events", "here")] for name in names]


def story(test):
    test.rules()
    test.rules(MORE, "rules/more.yaml")
    names = ("test.login-failed", "door.wrong-code", "lift.stuck", "any.broken", "door.opened")
    daemon = test.daemon(test.config(test.path("auth.log")))
    equal(listed(daemon, *names), [[2, None, None]] + [[0, None, None]] * 4, "without a daemon")
    without = ["door.opened", "lift.stuck", "test.login-failed"]
    equal(criteria(daemon), ([["CC6.4", 1, 0, 2, 1, None], ["CC7.2", 2, 0, 2, 1, None]], without),
          "criteria without a daemon")

    test.append_lines("auth.log", [b"Mar  1 12:00:00 alpha doord[7]: opened"])
    daemon.start()
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the first line is examined")
    test.append_lines("auth.log", [failed_login("192.0.2.1"), failed_login("192.0.2.2")])
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    after = [[2, 2, True], [0, 0, True], [0, 0, False], [0, 0, None], [0, None, True]]
    equal(listed(daemon, *names), after, "with a daemon")

    text = daemon.ctl_raw("-c", daemon.config, "rules", "list").stdout.decode()
    check("5 event rules, 4 without a test; since the daemon began 3 had no event, 1 of them" in text,
          "the sum:", text)
    equal([text.count(f"\n{name} ") for name in names], [1] * 5, "rules of the text")
    for option, shown in (("--here", "test.login-failed door.wrong-code door.opened"),
                          ("--silent", "door.wrong-code any.broken"),
                          ("--untested", "door.wrong-code lift.stuck any.broken door.opened")):
        done = daemon.ctl_raw("-c", daemon.config, "-o", "json", "rules", "list", option)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        equal(sorted(row["id"] for row in rows if not row["id"].startswith("triaged.")),
              sorted(shown.split()), f"rules list {option}")
    rows = harness.replay(daemon.config, test.path("auth.log"))
    equal([row["rule"] for row in rows if row["type"] == "event"], ["test.login-failed"] * 2,
          "events of a replay")
    equal(rows[-1]["events"], 2, "number of events of a replay")

    test.rules(MORE.replace("Broken", "All broken"), "rules/more.yaml")
    daemon.ctl("reload")
    equal(listed(daemon, *names), after, "after a reload")

    test.append_lines("auth.log", [b"all is broken", b"Mar  1 12:00:00 alpha doord[7]: wrong code"])
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(criteria(daemon), ([["CC6.4", 1, 0, 2, 1, 1], ["CC7.2", 2, 0, 2, 1, 2]], without),
          "criteria with a daemon")
    text = daemon.ctl_raw("-c", daemon.config, "rules", "list", "--criteria").stdout.decode()
    check("3 of 5 event rules speak to none" in text, "the rest:", text)


harness.main(story)
