#!/usr/bin/python3 -B
"""Silences by hand: what is silenced makes no incident and is counted as such, what is not
does; they outlive the daemon and an absent Redis, are judged by the time of the event, end
early, are followed by other daemons on the same Redis; bad ones are refused with why.
"""

import datetime

import harness
from harness import RULE, check, equal, failed_login, wait, wait_equal

PROBE, STRANGER, CLERK = "192.0.2.7", "198.51.100.9", "203.0.113.5"

MORE = r"""
  - id: test-many
    title: 'Many guess'
    on: [test-password-guessing]
    count: 2
    within: 1h
    severity: high
    criteria: two addresses that guess
  - id: test-users
    title: 'Passwords of {user_name} guessed'
    on: [test.login-failed]
    by: ['lower(user_name)']
    count: 5
    within: 10m
    severity: high
    criteria: five failed logins of one user
"""

GATES = r"""
events:
  - id: gate.alive
    title: Alive
    class: heartbeat
    severity: info
    match: '^alive (?<host_name>\S+)$'
incidents:
  - id: gate-silent
    title: 'Gate {host_name} is silent'
    on: [gate.alive]
    by: [host_name]
    absent: 2s
    severity: medium
    criteria: nothing for two seconds
"""


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def became(daemon, rule=RULE):
    """Of the rule's events, of all days."""
    sums = {}
    for day in daemon.ctl("rule", rule)["days"].values():
        for what, n in day.items():
            sums[what] = sums.get(what, 0) + n
    return sums


def silence(daemon, *args, span="1h", why="a test"):
    return daemon.ctl("silence", *args, "-d", span, "-m", why)


def alone(test, name="alpha", redis=None):
    test.rules(harness.RULES + MORE)
    test.append(f"{name}.log", b"")
    more = {} if redis is None else {"redis": {"url": f"unix://{redis.socket}", "partitions": 3}}
    return test.daemon(test.config(
        [test.path(f"{name}.log")], name=f"{name}.yaml", node=name,
        state_dir=test.directory(f"state-{name}"), control_socket=test.path(f"{name}.sock"), **more),
                       name).start()


def guess(test, address, n=6, user="root", name="alpha", when=None):
    test.append_lines(f"{name}.log", [failed_login(address, when or now(), user)] * n)


def keys(daemon, rule=RULE):
    return sorted((key, n) for key, n, _, _ in daemon.summary(rule))


def a_silence(test):
    daemon = alone(test)
    one = silence(daemon, RULE, "source_ip=192.0.2.0/24", why="our own test")
    equal((one["id"], one["rule"], one["fields"], one["message"], one["holds"]),
          ("SIL-1", RULE, {"source.ip": "192.0.2.0/24"}, "our own test", True), "the silence")
    check(one["by"] and one["until"] > one["from"], "who and until when:", one)
    guess(test, PROBE)
    guess(test, STRANGER)
    wait_equal(lambda: became(daemon).get("silenced"), 6, "events are silenced")
    wait_equal(lambda: keys(daemon), [(STRANGER, 6)], "the other one's incident")
    equal(keys(daemon, "test-users"), [("root", 12)], "another rule counts them")
    equal([s["id"] for s in daemon.ctl("rule", RULE)["silences"]], ["SIL-1"], "silences of the rule")
    equal(daemon.ctl("rule", "test-users")["silences"], [], "silences of another rule")

    explained = daemon.ctl("-c", daemon.config, "explain", failed_login(PROBE).decode())["counts_for"]
    equal([x.get("not") for x in explained if x["rule"] == RULE], ["silenced"], "explain")
    check(b"until" in daemon.ctl_raw("rule", RULE).stdout, "triagectl rule shows it")
    check(b"our own test" in daemon.ctl_raw("silences").stdout, "triagectl silences shows it")

    daemon.restart()
    guess(test, PROBE)
    wait_equal(lambda: became(daemon).get("silenced"), 12, "events are silenced after a restart")

    ended = daemon.ctl("unsilence", "SIL-1", "-m", "done")
    equal((ended["holds"], ended["ended"]["message"]), (False, "done"), "ended")
    equal(daemon.ctl("silences"), [], "none holds")
    equal([s["ended"]["message"] for s in daemon.ctl("silences", "--all")], ["done"], "but one was")
    error = daemon.ctl_fails(1, "unsilence", "SIL-1", "-m", "again")
    check("SIL-1 is over already" in error, error)
    guess(test, PROBE, when=now() + datetime.timedelta(seconds=1), n=5)
    wait_equal(lambda: keys(daemon), [(PROBE, 5), (STRANGER, 6)], "counting begins anew")
    equal(daemon.ctl("rule", RULE)["silences"], [], "silences of the rule")


def incidents_and_keys(test):
    """A rule about incidents; a key that is lower-cased; the header's host; the rule 'all'."""
    daemon = alone(test)
    silence(daemon, "test-many", f"source_ip={PROBE}")
    silence(daemon, "test-users", "user.name=Mallory")
    guess(test, PROBE)
    guess(test, STRANGER)
    wait_equal(lambda: became(daemon, "test-many"), {"silenced": 1, "counted": 1}, "incidents")
    guess(test, CLERK, user="MALLORY")
    wait_equal(lambda: became(daemon, "test-users").get("silenced"), 6, "an incident's key")
    wait_equal(lambda: keys(daemon, "test-many"), [("", 2)], "incidents about incidents")

    silence(daemon, "all", "host_name=ALPHA")
    before = became(daemon)["counted"]
    guess(test, "203.0.113.77")
    wait_equal(lambda: became(daemon).get("silenced"), 6, "of that host")
    equal(became(daemon)["counted"], before, "counted")


def event_time(test):
    """What is read late was silenced; what is of before or after was not."""
    redis = harness.Redis(test).start()
    daemon = alone(test, redis=redis)
    began = now()
    silence(daemon, "all", span="10m")
    guess(test, PROBE, when=began - datetime.timedelta(minutes=1), n=5)
    wait_equal(lambda: keys(daemon), [(PROBE, 5)], "what is of before counts")
    redis.kill()
    wait(lambda: not daemon.ctl("status")["redis"]["ready"], "Redis is away")
    error = daemon.ctl_fails(1, "silence", "all", "-d", "1h", "-m", "x")
    check("Redis is away" in error, error)
    guess(test, STRANGER)
    guess(test, CLERK, when=began + datetime.timedelta(minutes=11), n=5)
    redis.start()
    wait(daemon.is_ready, "Redis is back")
    wait_equal(lambda: keys(daemon), sorted([(PROBE, 5), (CLERK, 5)]), "what is of after counts")
    equal(became(daemon).get("silenced"), 6, "events in the silence")

    with harness.Client(redis.socket) as client:
        client("HSET", "triaged:{t:0}:silences", "SIL-1", '{"id":"SIL-1","rule":7}')
    daemon.restart()
    check("SIL-1 in Redis has no \"rule\"; it is left out" in daemon.said(), daemon.said())


def two_daemons(test):
    redis = harness.Redis(test).start()
    one, two = alone(test, "alpha", redis), alone(test, "beta", redis)
    made = silence(one, RULE, f"source_ip={PROBE}")
    wait(lambda: two.ctl("rule", RULE)["silences"], "the other one follows")
    guess(test, PROBE, name="beta")
    wait_equal(lambda: became(two).get("silenced"), 6, "events are silenced there")
    two.ctl("unsilence", made["id"], "-m", "done")
    wait(lambda: not one.ctl("rule", RULE)["silences"], "and the first one follows")
    guess(test, PROBE, when=now() + datetime.timedelta(seconds=1), n=5)
    wait_equal(lambda: keys(one), [(PROBE, 5)], "incidents")


def refused(test):
    redis = harness.Redis(test).start()
    daemon = alone(test, redis=redis)
    good = ["-d", "1h", "-m", "x"]
    for args, code, words in (
            (["test-password-gessing", *good], 1, f'did you mean "{RULE}"?'),
            (["test.login-failed", *good], 1, "it is an event rule"),
            ([RULE, "source_ipp=192.0.2.1", *good], 1, 'did you mean "source_ip"?'),
            ([RULE, "source_ip=192.0.2.1/24", *good], 1, "did you mean 192.0.2.0/24?"),
            ([RULE, "source_ip=gate", *good], 1, "is not of the type ip"),
            ([RULE, "source_ip=", *good], 1, "expected a value"),
            ([RULE, "source_ip=192.0.2.1", "source.ip=192.0.2.2", *good], 1, "is given twice"),
            (["test-many", "user_name=ann", *good], 1, 'no event that counts for test-many'),
            ([RULE, "-d", "31d", "-m", "x"], 1, "from 1s to 30d"),
            ([RULE, "-d", "120", "-m", "x"], 1, "from 1s to 30d"),
            ([RULE, "-d", "1h", "-m", " "], 1, "says why"),
            ([RULE, "-d", "1h"], 2, "usage"),
            ([RULE, "source_ip", *good], 2, "usage"),
            (good, 2, "usage")):
        error = daemon.ctl_fails(code, "silence", *args)
        check(words in error, f"{args} is refused with {error!r}, expected {words!r}")
    check("there is no silence SIL-1" in daemon.ctl_fails(1, "unsilence", "SIL-1", "-m", "x"), "no such")
    equal(daemon.ctl("silences", "--all"), [], "silences")
    with harness.Client(redis.socket) as client:
        client("EVAL", """for i = 1, 1000 do
            redis.call('ZADD', KEYS[1], 9e15, 'X-' .. i) end""", 1, "triaged:{t:0}:silences:until")
    error = daemon.ctl_fails(1, "silence", "all", *good)
    check("1000 silences hold already" in error, error)


def heartbeats(test):
    """Of what is absent: told when the silence is over, or ended, if still nothing came."""
    test.rules(GATES)
    test.append("gates.log", b"")
    daemon = test.daemon(test.config([test.path("gates.log")])).start()
    error = daemon.ctl_fails(1, "silence", "gate-silent", "source_ip=192.0.2.1", "-d", "1h", "-m", "x")
    check("nothing else can be asked" in error, error)
    long = silence(daemon, "gate-silent", "host_name=north", span="1h")
    short = silence(daemon, "gate-silent", "host_name=south", span="15s")
    test.append_lines("gates.log", [b"alive north", b"alive south", b"alive east"])
    wait_equal(lambda: keys(daemon, "gate-silent"), [("east", 1), ("south", 1)], "silent gates")
    south = [i for i in daemon.incidents() if i["key"]["host.name"] == "south"][0]
    equal(south["last_event"], short["until"], "the silence is told of its end")
    equal(became(daemon, "gate-silent"), {"counted": 3}, "heartbeats count in a silence")
    ended = daemon.ctl("unsilence", long["id"], "-m", "back to work")
    wait_equal(lambda: len(keys(daemon, "gate-silent")), 3, "within a minute", seconds=90)
    north = [i for i in daemon.incidents() if i["key"]["host.name"] == "north"][0]
    equal(north["last_event"], ended["ended"]["time"], "told of when it was ended")


harness.main(a_silence, incidents_and_keys, event_time, two_daemons, refused, heartbeats, together=True)
