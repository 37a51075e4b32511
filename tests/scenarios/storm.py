#!/usr/bin/python3 -B
"""Ten thousand failed logins from one address: one incident with all of them counted
and a handful of webhooks, not ten thousand.  A second address that guesses meanwhile
is not drowned, and while it rains someone can still acknowledge.
"""

import datetime

import harness
from harness import check, equal, failed_login, wait, wait_equal

LOUD, QUIET = "198.51.100.1", "203.0.113.5"
STORM = 10000
SHOWERS = 40
WEBHOOKS = 6


def storm(test):
    test.rules()
    test.write("auth.log", b"")
    hook = test.receiver().start()
    daemon = test.daemon(test.config(test.path("auth.log"), [test.channel(hook)])).start()

    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=9)
    rain = [failed_login(LOUD, start + datetime.timedelta(milliseconds=50 * n), f"user{n}")
            for n in range(STORM)]
    quiet = [failed_login(QUIET, start + datetime.timedelta(minutes=3, seconds=n)) for n in range(5)]
    # In showers, each waited for, so that the count grows in many commits; then all at once.
    for n in range(0, SHOWERS * 50, 50):
        test.append_lines("auth.log", rain[n:n + 50])
        wait_equal(lambda: [row[1] for row in daemon.summary()], [n + 50], "count in the rain")
    test.append_lines("auth.log", quiet)
    test.append_lines("auth.log", rain[SHOWERS * 50:])

    log = open(test.path("auth.log"), "rb").read()
    equal(log.count(LOUD.encode()), STORM, "failed logins in the file")
    wait_equal(lambda: sorted(daemon.summary()), sorted(harness.model(log)), "incidents")
    equal([row[1] for row in sorted(daemon.summary())], [STORM, 5], "counts")
    wait(daemon.outbox_is_empty, "the outbox is worked off")

    numbers = {inc["key"]["source.ip"]: inc["id"] for inc in daemon.incidents()}
    told = [body["data"]["incident"] for body in hook.messages().values()]
    loud = [inc["count"] for inc in told if inc["id"] == numbers[LOUD]]
    equal(sum(inc["id"] == numbers[QUIET] for inc in told), 1, "webhooks about the quiet one")
    check(1 <= len(loud) <= WEBHOOKS, "webhooks about the loud one, by count:", loud)
    equal(len(hook.requests()), len(told), "requests, none of them a repetition")
    check(len(daemon.ctl("show", numbers[LOUD])["incident"]["samples"]) <= 20, "samples are bounded")
    daemon.ctl("ack", numbers[LOUD], "-m", "seen")
    hook.wait_message("incident.acknowledged")


harness.main(storm)
