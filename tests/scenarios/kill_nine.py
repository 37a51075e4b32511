#!/usr/bin/python3 -B
"""The daemon is killed with -9 at ten random moments while a log grows, and started
again at once.  Incidents, counts and times are those of an undisturbed run; every
webhook arrives at least once, and whenever it arrives again it is the same.  So it is
when the log is rotated in between, by renaming and by copying and truncating.
"""

import os
import re
import shutil
import time

import harness
from harness import check, equal, wait, wait_equal


def append_and_kill(test, rng, daemon, log, kills):
    """Append in pieces; after some of them kill the daemon at whatever it is at then."""
    pieces = list(harness.pieces(rng, log, 2 * len(log) // (8 * kills)))
    doomed = set(rng.sample(range(len(pieces)), kills))
    for n, piece in enumerate(pieces):
        test.append("auth.log", piece)
        if n in doomed:
            # Not a wait for anything: it spreads the moments.
            time.sleep(rng.choice((0, rng.uniform(0, 0.02), rng.uniform(0, 0.2))))
            daemon.kill()
            daemon.start(ready=rng.random() < 0.5)


def wait_incidents(daemon, rule, expected):
    wait_equal(lambda: sorted(daemon.summary_or_none(rule) or []), sorted(expected), "incidents")


def check_webhooks(daemon, hook):
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    opened = [body["data"]["incident"]["id"] for body in hook.messages("incident.opened").values()]
    equal(sorted(opened), sorted(inc["id"] for inc in daemon.incidents()),
          "incidents by webhook, one each")
    installs, steps = set(), {}
    for ident in hook.messages():
        m = re.fullmatch(r"triaged_([0-9a-f]+)_(\d+)_(\d+)_hook", ident)
        check(m, "a strange webhook-id:", ident)
        installs.add(m[1])
        steps.setdefault(m[2], set()).add(int(m[3]))
    equal(len(installs), 1, "installations in the webhook-ids")
    for number, seen in steps.items():
        equal(seen, set(range(1, max(seen) + 1)), f"messages about INC-{number}")


def settle(test, daemon, hook, log):
    """All of the log is in, once; also after one more start."""
    expected = harness.model(log)
    check(len(expected) >= 3, "an attack that is none:", expected)
    wait_incidents(daemon, harness.RULE, expected)
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(sorted(daemon.restart().summary(harness.RULE)), sorted(expected), "after a restart")
    check_webhooks(daemon, hook)


def begin(test, *rules):
    test.rules()
    test.write("auth.log", b"")
    hook = test.receiver().start()
    config = test.config(test.path("auth.log"), [test.channel(hook)],
                         rules=[*rules, test.path("rules")])
    daemon = test.daemon(config).start()
    # A file that is renamed before anything about it was committed is never heard of again.
    wait(lambda: daemon.ctl("status")["redis"]["commits"] > 0, "it has noted that it follows the log")
    return daemon, hook


def split(log, share):
    """Two parts, at the end of a line."""
    at = log.index(b"\n", int(len(log) * share)) + 1
    return log[:at], log[at:]


def ten_times(test):
    rng = harness.seeded()
    log = harness.real_log("loghub-OpenSSH_2k")[0] or harness.attack_log(rng, 2000)
    daemon, hook = begin(test, os.path.join(harness.ROOT, "rules"))
    rows = harness.replay(daemon.config, test.write("whole.log", log))
    undisturbed = [row for row in rows if row["type"] == "incident"]

    append_and_kill(test, rng, daemon, log, 10)
    settle(test, daemon, hook, log)
    equal(sorted(daemon.summary()), sorted(harness.summarise(undisturbed)), "incidents of all rules")


def rotated_by_renaming(test):
    rng = harness.seeded()
    log = harness.attack_log(rng, 600)
    daemon, hook = begin(test)
    early, late = split(log, rng.uniform(0.3, 0.7))
    append_and_kill(test, rng, daemon, early, 2)
    os.rename(test.path("auth.log"), test.path("auth.log.1"))
    # Programs write to the file they have open until they are told.
    straggling, late = split(late, 0.2)
    test.append("auth.log.1", straggling)
    append_and_kill(test, rng, daemon, late, 2)
    settle(test, daemon, hook, log)


def rotated_by_copying(test):
    rng = harness.seeded()
    log = harness.attack_log(rng, 600)
    daemon, hook = begin(test)
    early, late = split(log, 0.6)
    append_and_kill(test, rng, daemon, early, 2)
    # What nobody has read when a file is truncated is lost to everybody.
    wait_incidents(daemon, harness.RULE, harness.model(early))
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    shutil.copyfile(test.path("auth.log"), test.path("auth.log.1"))
    os.truncate(test.path("auth.log"), 0)
    append_and_kill(test, rng, daemon, late, 2)
    settle(test, daemon, hook, log)


harness.main(ten_times, rotated_by_renaming, rotated_by_copying)
