#!/usr/bin/python3 -B
"""Logs of machines under attack, by triagectl replay with the rules that are shipped:
every host known to have attacked has its incident, no innocent one has.  Then the
daemon follows the same lines as they are appended in pieces cut anywhere: the very same
incidents.
"""

import json
import os

import harness
from harness import check, equal, wait, wait_equal


def check_places(events, log):
    """Each event names the line it was found in, and what it took from there."""
    lines = log.split(b"\n")
    for event in events:
        line = lines[event["line"] - 1]
        equal(log[event["offset"]:event["offset"] + len(line) + 1], line + b"\n", f"place of {event}")
        for value in event["fields"].values():
            check(value.encode() in line, "a field that is not in its line:", event)


def check_replay(rows, log):
    """The incidents of a replay whose rows add up."""
    incidents = [row for row in rows if row["type"] == "incident"]
    events = [row for row in rows if row["type"] == "event"]
    summary = {k: v for k, v in rows[-1].items() if k != "seconds"}
    equal(summary, {"type": "summary", "lines": log.count(b"\n"), "bytes": len(log),
                    "events": len(events), "incidents": len(incidents)}, "the last line")
    check_places(events, log)
    return incidents


def check_hosts(incidents, rule, truth):
    found = {host for inc in incidents if inc["rule"] == rule for host in inc["key"].values()}
    must = {entry["host"] for entry in truth["must_alert"]}
    must_not = {entry["host"] for entry in truth["must_not_alert"]}
    equal(must - found, set(), "attackers that were not found")
    equal(must_not & found, set(), "innocents that were")


def comparable(incidents):
    return sorted((inc["rule"], json.dumps(inc["key"]), inc["count"], inc["first_event"],
                   inc["last_event"], inc["severity"], inc["title"]) for inc in incidents)


def follow(test, rng, config, log, replayed):
    """The incidents of a daemon that the log comes to in pieces: those of the replay."""
    test.write("auth.log", b"")
    daemon = test.daemon(config).start()
    for piece in harness.pieces(rng, log, 4000):
        test.append("auth.log", piece)
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    wait_equal(lambda: comparable(daemon.incidents()), comparable(replayed), "incidents of the daemon")
    incidents = daemon.incidents()
    equal(comparable(daemon.restart().incidents()), comparable(replayed), "after a restart")
    return incidents


def compare(test, log, rule, truth):
    rng = harness.seeded()
    test.rules()  # one more rule, whose outcome is worked out here
    config = test.config(test.path("auth.log"),
                         rules=[os.path.join(harness.ROOT, "rules"), test.path("rules")])
    replayed = check_replay(harness.replay(config, test.write("whole.log", log)), log)
    check_hosts(replayed, rule, truth)
    equal(sorted(harness.summarise(replayed, harness.RULE)), sorted(harness.model(log)),
          "replay of the known rule")

    check_hosts(follow(test, rng, config, log, replayed), rule, truth)


def compare_real(test, name, rule, besides=()):
    log, truth = harness.real_log(name)
    if log is None:
        raise harness.Skip(f"{name}.log is not at hand")
    truth["must_alert"] = [entry for entry in truth["must_alert"] if entry["host"] not in besides]
    compare(test, log, rule, truth)


def openssh(test):
    compare_real(test, "loghub-OpenSSH_2k", "ssh-password-guessing")


def an_old_linux(test):
    """Only PAM tells of failures.  One host tried klogind, for which there are no rules."""
    compare_real(test, "loghub-Linux_2k", "ssh-pam-guessing", ["163.27.187.39"])


def a_cloud_host(test):
    compare_real(test, "elastic-examples-auth-2", "ssh-password-guessing")


def made_up(test):
    log = harness.attack_log(harness.seeded(), 2000)
    compare(test, log, harness.RULE, {"must_alert": [{"host": row[0]} for row in harness.model(log)],
                                     "must_not_alert": []})


REFUSED = """
events:
  - id: door.refused
    title: Refused
    class: unauthorized-access
    severity: low
    where: {fields: {outcome: refused}}
    take: {source_ip: src, user_name: who}
    tests:
      - {line: '{"outcome": "refused", "src": "192.0.2.1"}', event: {source_ip: 192.0.2.1}}
      - {line: '{"outcome": "granted", "src": "192.0.2.1"}', event: none}
incidents:
  - id: door-guessing
    title: Refused three times
    on: door.refused
    by: source_ip
    count: 3
    within: 10m
    severity: low
    criteria: refused three times
"""


def lines_of_any_format(test):
    """A source that does not say what its lines are: text, JSON, CEF, and containers' lines
    whose parts other lines come between, cut anywhere."""
    rng = harness.seeded()
    test.rules()
    test.rules(REFUSED, "rules/refused.yaml")
    config = test.config(test.path("auth.log"))
    lines, expected = [], {}
    for n in range(1500):
        stamp, host = f"2026-03-01T12:00:{n % 60:02}Z", f"192.0.2.{rng.randrange(1, 60)}"
        refused = f'"time":"{stamp}","outcome":"refused","src":"{host}"'
        docker = '{{"log":{},"stream":"stdout","time":"' + stamp + '"}}'
        kind = rng.randrange(5)
        expected[host] = expected.get(host, 0) + (kind > 0)
        lines += [[f"Mar  1 12:00:00 alpha app[1]: {{{refused}}}"], [f"{{{refused}}}"],
                  [f"<13>{stamp} alpha CEF:0|v|p|1|i|n|5|outcome=refused src={host}"],
                  [docker.format(json.dumps(f"{{{refused}}}\n"))],
                  [docker.format(json.dumps(f"{{{refused[:30]}")), "Mar  1 12:00:00 alpha app[1]: between",
                   docker.format(json.dumps(f"{refused[30:]}}}\n"))]][kind]
    log = "".join(line + "\n" for line in lines).encode()
    replayed = check_formats(harness.replay(config, test.write("whole.log", log)), log, expected)
    follow(test, rng, config, log, replayed)


def check_formats(rows, log, expected):
    incidents = [row for row in rows if row["type"] == "incident"]
    equal({row["key"]["source.ip"]: row["count"] for row in incidents},
          {host: count for host, count in expected.items() if count >= 3}, "incidents of a replay")
    equal(rows[-1]["events"], sum(expected.values()), "events of a replay")
    check(len(incidents) > 20, "hardly an incident:", incidents)
    lines = log.split(b"\n")
    for event in (row for row in rows if row["type"] == "event"):
        line = lines[event["line"] - 1]
        equal(log[event["offset"]:event["offset"] + len(line) + 1], line + b"\n", f"place of {event}")
    return incidents


def places_in_two_large_files(test):
    """Lines are numbered from 1 in each file, over several reads."""
    rng = harness.seeded()
    test.rules()
    config = test.config(test.path("auth.log"))
    logs = {test.write(name, log): log for name in ("one.log", "two.log")
            for log in [harness.attack_log(rng, 8000)]}
    done = harness.run([harness.program("TRIAGECTL", "triagectl"), "-c", config, "replay", "--json",
                        "--events-only", *logs])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    equal(rows[-1]["lines"], 16000, "lines of both files")
    for path, log in logs.items():
        check(len(log) > 2 * 256 * 1024, "too small a log to say anything:", len(log))
        events = [row for row in rows[:-1] if row["file"] == path]
        check(len(events) > 1000, "hardly an event in", path)
        check_places(events, log)


harness.main(openssh, an_old_linux, a_cloud_host, made_up, lines_of_any_format,
             places_in_two_large_files)
