#!/usr/bin/python3 -B
"""The tests that incident rules carry: what they can say about time, keys, counts and what
became of events; how failures are told, by rules test, as JUnit's XML, by triaged -t; which
rules have none; that the shipped ones pass wherever the host is.  Then backtest: what a
change of rules changes.
"""

import json
import os
import re
import xml.etree.ElementTree

import harness
from harness import check, equal

EVENTS = r"""
lists:
  - {id: doors, values: [north, west]}

events:
  - id: door.denied
    title: Denied at a door
    class: unauthorized-access
    severity: low
    match: '^denied (?<user_name>\w+) from (?<source_ip>\S+)$'
    tests:
      - line: 'doord[1]: denied ann from 192.0.2.1'
        event: {source_ip: 192.0.2.1}
      - line: 'doord[1]: opened for ann from 192.0.2.1'
        event: none
  - id: door.beat
    title: A door is alive
    class: availability
    severity: info
    match: '^alive: (?<host_name>\w+)$'
    tests:
      - line: 'doord[1]: alive: north'
        event: {host_name: north}
"""

GUESSING = """
incidents:
  - id: door-guessing
    title: 'Guessing from {source_ip}'
    on: [door.denied]
    by: [source_ip]
    count: 3
    within: 10m
    rearm: 1h
    severity: medium
    criteria: three denials in ten minutes
"""

TESTS = """
    tests:
      - name: stamps give the time
        lines:
          - 'Mar  1 12:00:00 gate doord[7]: denied ann from 192.0.2.1'
          - 'Mar  1 12:09:59 gate doord[7]: denied bob from 192.0.2.1'
          - 'Mar  1 12:09:59 gate doord[7]: denied bob from 192.0.2.2'
          - 'Mar  1 12:10:00 gate doord[7]: denied bob from 192.0.2.1'
        incidents:
          - {key: {source_ip: 192.0.2.1}, count: 3, title: Guessing from 192.0.2.1}
        dispositions: {promoted: 3, folded: 0, below: 1, no-key: 0}
      - name: a second too slow
        lines:
          - 'Mar  1 12:00:00 gate doord[7]: denied ann from 192.0.2.1'
          - 'Mar  1 12:05:00 gate doord[7]: denied ann from 192.0.2.1'
          - 'Mar  1 12:10:01 gate doord[7]: denied ann from 192.0.2.1'
        incidents: []
        dispositions: {below: 3}
      - name: the year ends
        lines:
          - 'Dec 31 23:59:00 gate doord[7]: denied ann from 192.0.2.1'
          - 'Dec 31 23:59:59 gate doord[7]: denied ann from 192.0.2.1'
          - 'Jan  1 00:00:10 gate doord[7]: denied ann from 192.0.2.1'
        incidents: [{count: 3}]
      - name: joined, until a pause
        lines:
          - {line: 'doord[1]: denied ann from 192.0.2.1', repeat: 100, every: 59m}
          - advance: 61m
          - {line: 'doord[1]: denied ann from 192.0.2.1', repeat: 3}
          - {line: 'doord[1]: denied ann from 192.0.2.1', repeat: 100, every: 59m}
          - advance: 61m
          - {line: 'doord[1]: denied ann from 192.0.2.1', repeat: 4, every: 1s}
        incidents:
          - count: 103
          - count: 4
        dispositions: {below: 100, promoted: 6, folded: 101}
"""

OTHERS = """
  - id: door-silent
    title: 'Door {host_name} is silent'
    on: [door.beat]
    by: [host_name]
    absent: 1h
    severity: high
    criteria: an hour without a sign
    tests:
      - name: one of two
        lines:
          - 'doord[1]: alive: north'
          - 'doord[1]: alive: south'
          - advance: 30m
          - 'doord[1]: alive: south'
          - advance: 40m
        incidents: [{key: {host_name: north}, title: Door north is silent}]
      - name: just in time
        lines:
          - {line: 'doord[1]: alive: north', repeat: 3, every: 59m}
          - advance: 59m
        incidents: []
  - id: door-missing
    title: 'Door {host_name} is missing'
    on: [door.beat]
    by: [host_name]
    absent: 1h
    each: '@doors'
    severity: high
    criteria: an hour without a sign of a door that there should be
    tests:
      - name: nothing at all
        lines: [{advance: 59m}, {advance: 2m}]
        incidents: [{key: {host_name: north}}, {key: {host_name: west}}]
      - name: one never came, one is not expected
        lines:
          - 'Mar  1 12:00:00 gate doord[7]: alive: north'
          - 'Mar  1 12:00:00 gate doord[7]: alive: east'
          - {line: 'doord[1]: alive: north', repeat: 3, every: 29m}
          - advance: 10m
        incidents: [{key: {host_name: west}}]
  - id: doors-guessing
    title: Guessing from many places
    on: [door-guessing]
    distinct: {field: source_ip, at_least: 2}
    within: 1h
    severity: high
    criteria: two guessers in an hour
    tests:
      - name: incidents are events
        lines:
          - {line: 'doord[1]: denied ann from 192.0.2.1', repeat: 3, every: 1m}
          - {line: 'doord[1]: denied ann from 192.0.2.2', repeat: 3, every: 1m}
        incidents: [{count: 2}]
      - name: one guesser
        lines: [{line: 'doord[1]: denied ann from 192.0.2.1', repeat: 30, every: 1m}]
        incidents: []
        dispositions: {below: 1}
"""

WRONG = """
    tests:
      - name: a <wrong> one
        lines:
          - {line: 'doord[1]: denied ann from 192.0.2.1', repeat: 4, every: 1m}
        incidents: [{key: {source_ip: 192.0.2.9}, count: 3}]
        dispositions: {below: 4, folded: 1}
"""


def ctl(*args):
    return harness.run([harness.program("TRIAGECTL", "triagectl"), *args])


def said(done, code):
    equal(done.returncode, code, f"exit code; it said {done.stderr} {done.stdout}")
    return done.stdout.decode()


def all_pass(test):
    path = test.write("door.yaml", EVENTS + GUESSING + TESTS + OTHERS)
    out = said(ctl("rules", "test", "--coverage", path), 0).splitlines()
    equal(out[:2], [f"ok         13 tests           {path}", "13 passed, 0 failed"], "the tests")
    equal(out[2:], [f"{path}:16:9: event rule door.beat has no negative test",
                    "1 of 2 event rules have positive and negative tests",
                    "4 of 4 incident rules have tests"], "the coverage")


def a_failure(test):
    path = os.path.join(test.rules(EVENTS + GUESSING + WRONG, "rules/door.yaml"), "door.yaml")
    at = f"{path}:{1 + (EVENTS + GUESSING + WRONG).splitlines().index('      - name: a <wrong> one')}:9"
    junit = test.path("junit.xml")
    out = said(ctl("rules", "test", "--junit", junit, path), 1).splitlines()
    equal(out, [
        f"FAILED      1 of    4 tests   {path}",
        f"{at}: test of door-guessing, a <wrong> one: "
        "expected an incident source.ip = 192.0.2.9, count = 3",
        "    got an incident that is not expected: source.ip = 192.0.2.1, count = 4, "
        "title = Guessing from 192.0.2.1",
        "    expected below = 4, got 0",
        "    of the rule's events were counted 4 promoted 3 folded 1",
        "3 passed, 1 failed"], "what is told")

    root = xml.etree.ElementTree.parse(junit).getroot()
    cases = root.findall("testsuite/testcase")
    equal((root.get("tests"), root.get("failures"), len(cases)), ("4", "1", 4), "sums of the XML")
    equal(cases[3].get("name").split(": ")[1], "a <wrong> one", "name of the test")
    check(cases[3].find("failure").text.endswith("folded 1"), "failure in the XML:",
          cases[3].find("failure").text)

    config = test.config(test.path("auth.log"))
    done = harness.run([harness.program("TRIAGED", "triaged"), "-t", "-c", config])
    check(done.returncode != 0 and f"{at}: test of door-guessing, a <wrong> one: expected".encode() in done.stderr,
          "triaged -t:", done.returncode, done.stderr)


def what_cannot_be_a_test(test):
    path = test.rules(EVENTS + GUESSING + """
    tests:
      - name: a
        lines: [{lin: x}, {advance: 1h, repeat: 3}, [x], {line: x, advance: 1h}]
        incidents: [{key: {user_name: ann}}]
        dispositions: {belo: 3}
      - lines: []
""", "rules/door.yaml")
    done = ctl("rules", "test", path)
    equal(done.returncode, 2, "exit code")
    for wrong in (b"unknown key 'lin' in a line of a test; did you mean 'line'?",
                  b"repeat and every go with line, not with advance",
                  b"lines: expected a mapping (key: value) in each entry, not a list",
                  b"expected either line or advance",
                  b'"user_name" is not among the key fields (by)',
                  b"unknown key 'belo' in dispositions; did you mean 'below'?",
                  b"an incident rule's test needs the key 'name'",
                  b"an incident rule's test needs the key 'incidents'"):
        check(wrong in done.stderr, "not told:", wrong, "but", done.stderr)


def examples():
    """The rule files in triaged-rules(5), and what begins with "tests:", as they are read."""
    with open(os.path.join(harness.ROOT, "man/triaged-rules.5"), encoding="utf-8") as page:
        blocks = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", page.read(), re.M | re.S)
    return [block.replace("\\e", "\\").replace("\\&", "") for block in blocks]


def what_the_manual_shows(test):
    test.write("office.txt", b"192.0.2.7\n")
    files = [text for text in examples() if re.match("(lists|events|variables):", text)]
    check(len(files) >= 2, "rule files in the manual:", len(files))
    for i, text in enumerate(files):
        said(ctl("rules", "test", test.write(f"example{i}.yaml", text.encode())), 0)
    stories = [text for text in examples() if text.startswith("tests:")]
    equal(len(stories), 1, "tests of incident rules in the manual")
    whole = files[0].split("    tests:\n      - name:")[0]
    story = "".join("    " + line for line in stories[0].splitlines(True))
    said(ctl("rules", "test", test.write("story.yaml", (whole + story).encode())), 0)


def the_shipped_rules_in_other_zones(test):
    """A stamp without a zone is of the host's; a test that fails there keeps the daemon from starting."""
    del test
    shipped = os.path.join(harness.ROOT, "rules")
    for zone in ("America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"):
        if not os.path.exists(f"/usr/share/zoneinfo/{zone}"):
            raise harness.Skip(f"no time zone {zone}")
        done = harness.run(["env", f"TZ={zone}", harness.program("TRIAGECTL", "triagectl"), "rules", "test",
                            shipped])
        out = done.stdout.decode()
        told = "\n".join(line for line in out.splitlines() if not line.startswith("ok "))
        equal(done.returncode, 0, f"exit code in {zone}; it said {done.stderr} {told}")
        check(re.search(r"^[1-9]\d{2,} passed, 0 failed$", out, re.M), f"tests in {zone}:", told)


def backtest(test):
    old = test.rules(EVENTS + GUESSING, "old/door.yaml")
    new = test.rules((EVENTS + GUESSING).replace("count: 3", "count: 5").replace("medium", "high")
                     .replace(r"denied (?<user_name>\w+)", r"(?:denied|refused) (?<user_name>\w+)"),
                     "new/door.yaml")
    # address: denials, refusals
    hosts = {"192.0.2.1": (4, 0), "192.0.2.2": (6, 0), "192.0.2.3": (0, 5), "192.0.2.4": (2, 2)}
    lines = [f"Mar  1 12:0{i}:00 gate doord[7]: {word} ann from {host}"
             for host, counts in hosts.items() for word, n in zip(("denied", "refused"), counts)
             for i in range(n)]
    log = test.write("door.log", "".join(line + "\n" for line in lines).encode())
    rows = [json.loads(row) for row in said(
        ctl("backtest", "--json", "--rules", new, "--against", old, log), 0).splitlines()]
    equal([(row["type"], *(side and (side["key"]["source.ip"], side["count"], side["severity"])
                           for side in (row["old"], row["new"]))) for row in rows[:-1]],
          [("removed", ("192.0.2.1", 4, "medium"), None),
           ("changed", ("192.0.2.2", 6, "medium"), ("192.0.2.2", 6, "high")),
           ("added", None, ("192.0.2.3", 5, "high"))], "what has changed")
    equal(rows[-1], {"type": "summary", "added": 1, "removed": 1, "changed": 1, "same": 0, "lines": 19,
                     "events": {"old": 12, "new": 19}, "incidents": {"old": 2, "new": 2}}, "the sums")
    text = said(ctl("backtest", "--rules", new, "--against", old, log), 0).splitlines()
    equal(text[1].split(), ["removed", *text[1].split()[1:3], "4", "-", "door-guessing", "Guessing", "from",
                            "192.0.2.1"], "a line of the text")
    check(text[3].startswith("    severity medium -> high, opened "), "what has changed:", text[3])
    same = said(ctl("backtest", "--rules", old, "--against", old, log), 0).splitlines()
    equal(len(same), 2, "lines when nothing has changed")
    check(same[1].startswith("0 added, 0 removed, 0 changed, 2 the same;"), "the sum:", same[1])
    equal(ctl("backtest", "--rules", new, log).returncode, 2, "exit code without --against")


harness.main(all_pass, a_failure, what_cannot_be_a_test, what_the_manual_shows,
             the_shipped_rules_in_other_zones, backtest)
