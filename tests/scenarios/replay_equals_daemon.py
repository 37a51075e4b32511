#!/usr/bin/python3 -B
"""A real log of sshd under attack, by triagectl replay with the rules that are
shipped: every host known to have attacked has its incident, no innocent one has.  Then
the daemon follows the same lines as they are appended in pieces cut anywhere: the very
same incidents.
"""

import json
import os
import random

import harness
from harness import check, equal, wait, wait_equal

RULE = "ssh-password-guessing"


def replay(test, path):
    """The incidents that replay finds; checks that what it prints adds up."""
    done = harness.run([harness.program("TRIAGECTL", "triagectl"), "-c", test.path("triaged.yaml"),
                        "replay", "--json", path])
    equal(done.returncode, 0, f"exit code of replay, which said {done.stderr}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    incidents = [row for row in rows if row["type"] == "incident"]
    events = [row for row in rows if row["type"] == "event"]
    log = open(path, "rb").read()
    summary = {k: v for k, v in rows[-1].items() if k != "seconds"}
    equal(summary, {"type": "summary", "lines": log.count(b"\n"), "bytes": len(log),
                    "events": len(events), "incidents": len(incidents)}, "the last line")
    check_places(events, log)
    return incidents


def check_places(events, log):
    """Each event names the line it was found in, and what it took from there."""
    lines = log.split(b"\n")
    for event in events:
        line = lines[event["line"] - 1]
        equal(log[event["offset"]:event["offset"] + len(line)], line, f"the place of {event}")
        for value in event["fields"].values():
            check(value.encode() in line, "a field that is not in its line:", event)


def check_hosts(incidents, truth):
    found = {inc["key"].get("source.ip") for inc in incidents if inc["rule"] == RULE}
    must = {entry["host"] for entry in truth["must_alert"]}
    must_not = {entry["host"] for entry in truth["must_not_alert"]}
    equal(must - found, set(), "attackers that were not found")
    equal(must_not & found, set(), "innocents that were")


def story(test):
    log, truth = harness.openssh_log()
    if log is None:
        raise harness.Skip("loghub-OpenSSH_2k.log is not at hand")
    if not log.endswith(b"\n"):
        log += b"\n"
    seed = int(os.environ.get("SEED") or random.randrange(1 << 30))
    print(f"SEED={seed}")
    rng = random.Random(seed)

    test.write("whole.log", log)
    test.write("auth.log", b"")
    test.rules()  # one more rule, whose outcome is worked out here
    config = test.config(test.path("auth.log"),
                         rules=[os.path.join(harness.ROOT, "rules"), test.path("rules")])
    replayed = replay(test, test.path("whole.log"))
    check_hosts(replayed, truth)
    equal(harness.summarise(replayed, harness.RULE), harness.model(log), "replay of the known rule")

    daemon = test.daemon(config).start()
    for piece in harness.pieces(rng, log, 4000):
        test.append("auth.log", piece)
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    wait_equal(lambda: by_rule(daemon.incidents()), by_rule(replayed), "incidents of the daemon")
    check_hosts(daemon.incidents(), truth)
    check(len(replayed) > len(truth["must_alert"]), "few incidents:", len(replayed))
    equal(daemon.restart().summary(harness.RULE), harness.model(log), "after a restart")


def by_rule(incidents):
    return sorted((inc["rule"], json.dumps(inc["key"]), inc["count"], inc["first_event"],
                   inc["last_event"], inc["severity"], inc["title"]) for inc in incidents)


harness.main(story)
