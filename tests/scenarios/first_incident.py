#!/usr/bin/python3 -B
"""A line is appended to a log, it becomes an event; five within ten minutes become
one incident; one signed webhook tells of it.  Someone looks at it, acknowledges it,
closes it, each time with a message, and each is told too.  Moves that make no sense
are refused with the documented exit codes.  After it is closed, the next five failed
logins are a new incident.
"""

import datetime
import getpass

import harness
from harness import check, equal, failed_login, wait, wait_equal

ATTACKER, CLUMSY = "192.0.2.66", "192.0.2.7"


def before(**ago):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**ago)


def check_samples(test, samples, lines):
    """Each sample leads to the very bytes in the file."""
    log = open(test.path("auth.log"), "rb").read()
    for sample, line in zip(samples, lines, strict=True):
        at = sample["offset"]
        equal(sample["file"], test.path("auth.log"), "file of a sample")
        equal(log[at:at + len(line) + 1], line + b"\n", f"bytes at offset {at}")
        equal(sample["line"], line.decode(), "text of a sample")
        equal(sample["sha256"], harness.sha256(line), "SHA-256 of a sample")


def check_opened(incident, first, last):
    equal({k: incident[k] for k in ("id", "state", "severity", "rule", "key", "count", "title")},
          {"id": "INC-1", "state": "open", "severity": "medium", "rule": harness.RULE,
           "key": {"source.ip": ATTACKER}, "count": 5, "title": f"Passwords guessed from {ATTACKER}"},
          "the incident")
    equal((incident["first_event"], incident["last_event"]),
          (harness.rfc3339(first), harness.rfc3339(last)), "its first and last event")
    check("five failed logins" in incident["criteria"], incident["criteria"])


def check_history(incident, actions):
    equal([h["action"] for h in incident["history"] if h["action"] != "notified"], actions, "history")


def see_nothing_yet(test, daemon):
    """Four within the window, a fifth too old; and a fifth of someone else."""
    lines = [failed_login(ATTACKER, before(minutes=11))]
    lines += [failed_login(CLUMSY, before(minutes=11)), failed_login(CLUMSY, before(seconds=30))]
    test.append_lines("auth.log", lines)
    burst = [failed_login(ATTACKER, before(seconds=20 - n), f"guess{n}") for n in range(4)]
    test.append_lines("auth.log", burst)
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(daemon.incidents(), [], "incidents after four failed logins")
    return burst


def open_one(test, daemon, hook):
    burst = see_nothing_yet(test, daemon)
    burst.append(failed_login(ATTACKER, before(seconds=10), "guess4"))
    test.append_lines("auth.log", burst[-1:])
    message = hook.wait_message("incident.opened")
    times = [harness.parse_time(line[:15].decode()) for line in burst]
    equal(message["data"]["node"], "alpha", "node in the webhook")
    check_opened(message["data"]["incident"], times[0], times[-1])
    check_samples(test, message["data"]["incident"]["samples"], burst[:3])

    shown = daemon.ctl("show", "INC-1")
    check_opened(shown["incident"], times[0], times[-1])
    check_samples(test, shown["incident"]["samples"], burst)
    wait(daemon.outbox_is_empty, "the delivery is recorded")
    check_history(daemon.ctl("show", "INC-1"), ["opened"])
    check(any(h["action"] == "notified" for h in daemon.ctl("show", "INC-1")["history"]),
          "the delivery stands in the history")


def move_it(daemon, hook, command, kind, state, message):
    shown = daemon.ctl(command, "INC-1", "-m", message)
    equal(shown["incident"]["state"], state, f"state after {command}")
    told = hook.wait_message(f"incident.{kind}")
    equal((told["data"]["by"], told["data"]["message"], told["data"]["incident"]["state"]),
          (getpass.getuser(), message, state), f"who, why and state in the webhook of {command}")
    last = daemon.ctl("show", "INC-1")["history"]
    last = [h for h in last if h["action"] != "notified"][-1]
    equal((last["action"], last["by"], last["message"]), (kind, getpass.getuser(), message), "history")


def refuse(daemon):
    daemon.ctl_fails(1, "ack", "INC-1", "-m", "again")
    daemon.ctl_fails(1, "ack", "INC-99", "-m", "whatever")
    daemon.ctl_fails(1, "show", "INC-99")
    daemon.ctl_fails(1, "ack", "INC-1", "-m", "  ")
    daemon.ctl_fails(2, "ack", "INC-1")
    daemon.ctl_fails(2, "close", "INC-1")
    daemon.ctl_fails(2, "close", "-m", "no id")
    daemon.ctl_fails(2, "befriend", "INC-1")


def first_incident(test):
    test.rules()
    test.write("auth.log", b"")
    hook = test.receiver().start()
    daemon = test.daemon(test.config(test.path("auth.log"), [test.channel(hook)]))
    daemon.ctl_fails(3, "status")
    daemon.start()

    open_one(test, daemon, hook)
    move_it(daemon, hook, "ack", "acknowledged", "acknowledged", 'on it, "quoted" & <tagged> \u00e9')
    refuse(daemon)
    move_it(daemon, hook, "close", "closed", "closed", "address blocked")
    daemon.ctl_fails(1, "close", "INC-1", "-m", "again")
    check_history(daemon.ctl("show", "INC-1"), ["opened", "acknowledged", "closed"])
    equal(daemon.ctl("incidents"), [], "incidents that are not closed")

    test.append_lines("auth.log", [failed_login(ATTACKER)] * 4)
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(len(daemon.incidents()), 1, "incidents after four more")
    test.append_lines("auth.log", [failed_login(ATTACKER)])
    again = hook.wait_message("incident.opened", 2)
    equal((again["data"]["incident"]["id"], again["data"]["incident"]["count"]), ("INC-2", 5), "the second")
    wait_equal(lambda: [i["id"] for i in daemon.ctl("incidents")], ["INC-2"], "not closed")
    equal(sorted(b["type"] for b in hook.messages().values()),
          ["incident.acknowledged", "incident.closed", "incident.opened", "incident.opened"],
          "all webhooks")

    equal(daemon.stop(), 0, "exit status after SIGTERM")
    daemon.ctl_fails(3, "incidents")


harness.main(first_incident)
