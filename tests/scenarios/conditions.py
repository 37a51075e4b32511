#!/usr/bin/python3 -B
"""Every kind of condition in a running daemon: user names that differ, bytes that add
up, steps in order and with one that must not happen, steps in any order, a value never
seen before, a spike, a rate that opens an incident and ends it by itself, silence that is
told though no line comes, and hours in which events do not count.  The daemon is killed
in the middle.  triagectl rule shows what waits in a window and what became of events.
"""

import datetime

import harness
from harness import check, equal, wait, wait_equal

EVENTS = r"""
events:
""" + "".join(rf"""
  - id: app.{name}
    title: {name}
    class: test
    severity: info
    match: '^app {name} user=(?<user_name>\S+) ip=(?<source_ip>\S+) bytes=(?<http_response_body_bytes>\d+)$'
""" for name in ("failed", "login", "logout", "sent", "beat", "hit"))


def incident(name, condition, on="", by="source_ip"):
    return (f"  - id: {name}\n    title: {name}\n    severity: medium\n    criteria: {name}\n" +
            (f"    on: [app.{on}]\n" if on else "") + (f"    by: [{by}]\n" if by else "") +
            "".join(f"    {line}\n" for line in condition.strip().split("\n")))


INCIDENTS = "incidents:\n" + "".join((
    incident("users", "distinct: {field: user_name, at_least: 3}\nwithin: 10m", "failed"),
    incident("bytes", "sum: {field: http_response_body_bytes, at_least: 1000}\nwithin: 10m", "sent"),
    incident("guessed", "sequence:\n  - on: [app.failed]\n  - on: [app.login]\nwithin: 10m"),
    incident("taken", "sequence:\n  - on: [app.login]\n  - not: [app.logout]\n  - on: [app.sent]\n"
             "within: 10m"),
    incident("all", "all_of:\n  - on: [app.logout]\n  - on: [app.login]\nwithin: 10m"),
    incident("new", "first_seen: {field: user_name, forget: 90d, learning: 1h}", "beat"),
    incident("many", "rate: {above: 20, below: 5}\nwithin: 1m", "hit"),
    incident("silent", "absent: 20s", "beat"),
    incident("expected", "absent: 5s\neach: '@hosts'", "beat", "user_name"),
)) + "lists:\n  - id: hosts\n    values: [zoe]\n"


def line(ago, what, user="ann", ip="192.0.2.1", size=0):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+00:00"
    return f"{stamp} host app[7]: app {what} user={user} ip={ip} bytes={size}".encode()


def found(daemon):
    """(rule, key, count) of the incidents."""
    rows = daemon.ctl_or_none("incidents", "--all")
    return None if rows is None else sorted(
        (i["rule"], ",".join(i["key"].values()), i["count"]) for i in rows)


def first_half():
    yield line(500, "failed", "ann")
    yield line(499, "failed", "ann")
    yield line(498, "failed", "bob")
    yield line(490, "sent", size=999, ip="192.0.2.2")
    yield line(480, "failed", ip="192.0.2.3")
    yield line(470, "login", ip="192.0.2.4")
    yield line(469, "login", ip="192.0.2.5")
    yield line(468, "logout", ip="192.0.2.5")
    yield line(7200, "beat", "ann", "192.0.2.6")
    yield line(1000, "beat", "ann", "192.0.2.6")


def second_half():
    yield line(450, "failed", "eve")
    yield line(449, "sent", size=1, ip="192.0.2.2")
    yield line(448, "login", ip="192.0.2.3")
    yield line(447, "sent", ip="192.0.2.4", size=1)
    yield line(446, "sent", ip="192.0.2.5", size=1)
    yield line(4, "beat", "mallory", "192.0.2.6")
    for n in range(25):
        yield line(300, "hit", ip="192.0.2.7")


EXPECTED = [
    ("all", "192.0.2.5", 2),
    ("bytes", "192.0.2.2", 2),
    ("guessed", "192.0.2.3", 2),
    ("many", "192.0.2.7", 25),
    ("new", "192.0.2.6", 1),
    ("taken", "192.0.2.4", 2),
    ("users", "192.0.2.1", 4),
]


def story(test):
    test.rules(EVENTS + INCIDENTS)
    test.append_lines("app.log", first_half())
    daemon = test.daemon(test.config([test.path("app.log")])).start()
    wait(lambda: daemon.has_examined(test.path("app.log")), "the first half is examined")
    wait(lambda: daemon.ctl("rule", "users")["groups"] == 2, "its groups are kept")
    shown = {g["key"]["source.ip"]: g for g in daemon.ctl("rule", "users")["shown"]}
    equal([p["events"] for p in shown["192.0.2.1"]["window"]], [2, 1], "events of each user")
    equal(len(shown["192.0.2.1"]["lines"]), 3, "lines that wait")

    daemon.kill()
    daemon.start()
    test.append_lines("app.log", second_half())
    wait_equal(lambda: [row for row in found(daemon) or [] if row[0] not in ("silent", "expected")],
               EXPECTED, "incidents")
    # What beat two hours ago was silent twice: that is one incident, which goes on.
    before = [row for row in found(daemon) if row[0] == "silent"]
    equal(before, [("silent", "192.0.2.6", 2)], "silences between lines")
    wait_equal(lambda: [row for row in found(daemon) if row[0] == "silent"],
               [("silent", "192.0.2.6", 3)], "silence that is still going on", 60)
    wait(lambda: ("expected", "zoe", 1) in found(daemon), "silence of what never spoke")
    states = {i["rule"]: i["state"] for i in daemon.incidents()}
    equal({rule: state for rule, state in states.items() if state != "open"}, {"many": "closed"},
          "what is over")
    days = daemon.ctl("rule", "users")["days"]
    total = {}
    for day in days.values():
        for what, n in day.items():
            total[what] = total.get(what, 0) + n
    equal(total, {"counted": 5, "promoted": 4}, "what became of failed logins")
    check(daemon.ctl_raw("rule", "users").stdout.decode().startswith("users: users\n"), "as text")


harness.main(story)
