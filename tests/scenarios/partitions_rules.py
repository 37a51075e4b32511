#!/usr/bin/python3 -B
"""Rules about incidents, and rules about incidents of those, with a state of four
partitions: an incident of one is counted in another.  The daemon, or two that share the
state, is killed with -9 while logs grow; what comes of it is what one daemon makes of
them with one partition and in peace.  Then what only time brings about: silence of those that a list expects, and
of no one who was taken off it; rates that fall.  And a rule keeps no more groups than it
may.
"""

import collections
import datetime
import itertools
import re
import time

import harness
from harness import check, equal, wait, wait_equal

PARTITIONS = 4
NETS, HOSTS = 6, 10  # networks that attack, addresses of each

EVENTS = r"""
events:
  - id: app.failed
    title: failed
    class: test
    severity: info
    match: '^failed ip=(?<source_ip>\S+)$'
  - id: app.beat
    title: beat
    class: test
    severity: info
    match: '^beat user=(?<user_name>\S+)$'
"""

INCIDENT = """
  - id: {id}
    title: {id}
    severity: medium
    criteria: {id}
    on: [{on}]
    by: [{by}]
    {condition}
"""


def incident(ident, on, by, condition):
    return INCIDENT.format(id=ident, on=on, by=by, condition="\n    ".join(condition))


# Bursts of an address; networks of which many come; addresses that have many, and
# networks of which many do; and how many such networks there are.
CHAIN = EVENTS + "incidents:" + "".join((
    incident("burst", "app.failed", "source_ip", ("count: 3", "within: 2m", "rearm: 5m")),
    incident("net", "burst", "source_ip/24", ("count: 3", "within: 1d")),
    incident("nets", "net", "", ("count: 2", "within: 1d")),
    incident("often", "burst", "source_ip", ("count: 2", "within: 1d")),
    incident("often-net", "often", "source_ip/24", ("count: 2", "within: 1d")),
))
DEEP = ("net", "nets", "often", "often-net")


def line(moment, text):
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+00:00 host app[7]: {text}".encode()


def utc(ago=0):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago)


def attack(rng, lines, hosts):
    """A log in order of time; ${hosts} are the last octets of addresses that attack."""
    moment, out, active = utc(20000), [], []
    for n in range(lines):
        if n % 25 == 0:
            active = [f"10.0.{rng.randrange(NETS)}.{rng.choice(hosts)}" for _ in range(6)]
        moment += datetime.timedelta(seconds=rng.choice((0, 0, 1, 3, 10, 15)))
        out.append(line(moment, f"failed ip={rng.choice(active)}" if rng.random() < 0.7 else "noise"))
    return b"".join(text + b"\n" for text in out)


def rows(daemon):
    """(rule, key, count) of all incidents, and the times of those that events opened: when
    an incident about incidents begins is up to which of them came first."""
    found = daemon.ctl_or_none("incidents", "--all")
    return None if found is None else sorted(
        (i["rule"], ",".join(i["key"].values()), i["count"],
         *((i["first_event"], i["last_event"]) if i["rule"] not in DEEP else ())) for i in found)


def in_peace(test, files):
    """What one daemon with one partition makes of files that are all there."""
    config = test.config(files, name="peace.yaml", state_dir=test.directory("peace"),
                         control_socket=test.path("peace.sock"))
    daemon = test.daemon(config, "peace").start()
    wait(lambda: all(daemon.has_examined(path) for path in files), "the logs are examined")

    def are_counted():
        got, expected = chain(rows(daemon))
        return got == expected

    wait(are_counted, "incidents about incidents are counted")
    found = rows(daemon)
    equal(daemon.stop(), 0, "exit status")
    return found


def network(address):
    return address.rpartition(".")[0] + ".0/24"


def chain(found):
    """Incidents about incidents, and what they should be: each counts those that there are."""
    bursts = [row[1] for row in found if row[0] == "burst"]
    per_net = collections.Counter(network(address) for address in bursts)
    per_address = collections.Counter(bursts)
    often = collections.Counter(network(a) for a, n in per_address.items() if n >= 2)
    expected = ([("net", net, n) for net, n in per_net.items() if n >= 3] +
                [("often", a, n) for a, n in per_address.items() if n >= 2] +
                [("often-net", net, n) for net, n in often.items() if n >= 2])
    expected.append(("nets", "", len([row for row in expected if row[0] == "net"])))
    return [row for row in found if row[0] in DEEP], sorted(expected)


def unlike(daemon, expected):
    """What is missing, and what is there instead."""
    found, wanted = collections.Counter(rows(daemon) or []), collections.Counter(expected)
    return sorted((wanted - found).elements()), sorted((found - wanted).elements())


def settle(daemons, expected):
    for daemon in daemons:
        wait_equal(lambda: unlike(daemon, expected), ([], []), "incidents missing, others instead")
        daemon.restart()
        equal(rows(daemon), expected, "incidents after a restart")
    ids = [i["number"] for i in daemons[0].incidents()]
    equal(len(set(ids)), len(ids), "numbers of incidents, each once")
    equal({(n - 1) % PARTITIONS for n in ids}, set(range(PARTITIONS)), "partitions that have some")


def check_relay(test, redis, nodes):
    """What is counted with a commit is passed with the next; each has a line to commit."""
    with harness.Client(redis.socket) as client:
        def passed():
            for node in nodes:
                test.append_lines(f"{node}.log", [line(utc(), "noise")])
            return all(client("HLEN", f"triaged:{{t:{n}}}:relay:{node}") ==
                       client("ZCARD", f"triaged:{{t:{n}}}:passed:{node}")
                       for n in range(PARTITIONS) for node in nodes)

        wait(passed, "all of the relay is passed", pause=0.3)


def begin(test, rules, nodes=("alpha",), partitions=PARTITIONS, **settings):
    test.rules(rules)
    redis = harness.Redis(test).start()
    daemons = []
    for node in nodes:
        test.write(f"{node}.log", b"")
        config = test.config(
            [test.path(f"{node}.log")], name=f"{node}.yaml", node=node,
            state_dir=test.directory(f"state-{node}"), control_socket=test.path(f"{node}.sock"),
            redis={"url": f"unix://{redis.socket}", "partitions": partitions}, **settings)
        daemons.append(test.daemon(config, node).start())
    for daemon in daemons:
        wait(lambda: daemon.ctl("status")["redis"]["commits"] > 0, "it has noted that it follows the log")
    return redis, daemons


def disturb(rng, daemon):
    """Kill it with -9 at whatever it is at."""
    time.sleep(rng.choice((0, rng.uniform(0, 0.02), rng.uniform(0, 0.2))))
    daemon.kill()
    daemon.start(ready=rng.random() < 0.5)


def check_rule(daemon, log):
    """What triagectl rule says, of all partitions together."""
    events = collections.Counter(re.findall(rb"failed ip=(\S+)", log))
    answer = daemon.ctl("rule", "burst")
    equal(answer["groups"], len(events), "groups of all partitions")
    check(0 < len(answer["shown"]) <= 20, "groups that are shown:", len(answer["shown"]))
    check({g["key"]["source.ip"].encode() for g in answer["shown"]} <= set(events),
          "addresses that are shown")
    total = collections.Counter()
    for day in answer["days"].values():
        total.update(day)
    bursts = sum(row[0] == "burst" for row in rows(daemon))
    equal(total["counted"], sum(events.values()), "events that were counted")
    equal(total["promoted"] >= 3 * bursts, True, "events that were promoted")
    deep = daemon.ctl("rule", "net")
    equal(sum(day.get("counted", 0) for day in deep["days"].values()), bursts,
          "incidents that were counted")


def killed(test):
    rng = harness.seeded()
    log = attack(rng, 3000, range(1, HOSTS))
    redis, (daemon,) = begin(test, CHAIN)
    expected = in_peace(test, [test.write("whole.log", log)])
    pieces = list(harness.pieces(rng, log, len(log) // 30))
    doomed = set(rng.sample(range(len(pieces)), 10))
    for n, piece in enumerate(pieces):
        test.append("alpha.log", piece)
        if n in doomed:
            disturb(rng, daemon)
    settle([daemon], expected)
    check_relay(test, redis, ["alpha"])
    check_rule(daemon, log)


def two_killed(test):
    """Each has addresses of its own in the same networks."""
    rng = harness.seeded()
    nodes = ("alpha", "beta")
    logs = {node: attack(rng, 2000, range(n, HOSTS + n, 2)) for n, node in enumerate(nodes, 1)}
    redis, daemons = begin(test, CHAIN, nodes)
    expected = in_peace(test, [test.write(f"whole-{node}.log", log) for node, log in logs.items()])
    pieces = [(node, piece) for node, log in logs.items()
              for piece in harness.pieces(rng, log, len(log) // 20)]
    order = [node for node, _ in pieces]
    rng.shuffle(order)
    waiting = {node: iter([p for name, p in pieces if name == node]) for node in nodes}
    doomed = set(rng.sample(range(len(order)), 12))
    for n, node in enumerate(order):
        test.append(f"{node}.log", next(waiting[node]))
        if n in doomed:
            disturb(rng, rng.choice(daemons))
    settle(daemons, expected)
    check_relay(test, redis, nodes)


def set_back(test):
    """Partitions that lose what they had confirmed, now one, now two at once, to the moment
    before some lines came."""
    rng = harness.seeded()
    nodes = ("alpha", "beta")
    logs = {node: attack(rng, 2000, range(n, HOSTS + n, 2)) for n, node in enumerate(nodes, 1)}
    redis, daemons = begin(test, CHAIN, nodes)
    expected = in_peace(test, [test.write(f"whole-{node}.log", log) for node, log in logs.items()])
    parts = (harness.pieces(rng, logs[node], len(logs[node]) // 8) for node in nodes)
    for pieces in itertools.zip_longest(*parts, fillvalue=b""):
        lost = [f"triaged:{{t:{n}}}:*" for n in rng.sample(range(PARTITIONS), rng.choice((1, 1, 2)))]
        saved = [redis.save(pattern) for pattern in lost]
        for node, piece in zip(nodes, pieces):
            test.append(f"{node}.log", piece)
        time.sleep(rng.choice((0, rng.uniform(0, 0.05), rng.uniform(0, 0.5))))
        for pattern, was in zip(lost, saved):
            redis.restore(pattern, was)
        for daemon in daemons:
            wait(lambda: daemon.ctl_or_none("incidents") is not None, "Redis is there again")
    settle(daemons, expected)


SILENT = EVENTS + "incidents:" + incident(
    "silent", "app.beat", "user_name", ("absent: 6s", "each: '@expected'")) + """
lists:
  - id: expected
    values: [{}]
"""
USERS = [f"user{n}" for n in range(12)]


def silent(daemon):
    found = daemon.ctl_or_none("incidents", "--all")
    return None if found is None else sorted((i["key"]["user.name"], i["count"]) for i in found)


def silence(test):
    """Two are taken off the list while their silence is yet to be told, one by a reload,
    one while the daemon is down; another was never on it."""
    _, (daemon,) = begin(test, SILENT.format(", ".join(USERS)))
    gone, stay = USERS[:2], USERS[2:]
    # Those that are gone would be told of first.
    test.append_lines("alpha.log", [line(utc(2), f"beat user={name}") for name in [*gone, "nobody"]])
    test.append_lines("alpha.log", [line(utc(), f"beat user={name}") for name in stay])
    wait(lambda: daemon.has_examined(test.path("alpha.log")), "the log is examined")
    wait(lambda: daemon.ctl("rule", "silent")["groups"] >= len(USERS), "all are expected")
    test.rules(SILENT.format(", ".join(USERS[1:])))
    daemon.ctl("reload")
    daemon.kill()
    test.rules(SILENT.format(", ".join(stay)))
    daemon.start()
    equal(silent(daemon), [], "incidents before anyone can be silent")
    wait_equal(lambda: silent(daemon), sorted((name, 1) for name in stay), "silences")
    numbers = [i["number"] for i in daemon.incidents()]
    check(len({(n - 1) % PARTITIONS for n in numbers}) > 1, "all in one partition:", numbers)
    equal(silent(daemon.restart()), sorted((name, 1) for name in stay), "silences after a restart")


RATE = EVENTS + "incidents:" + incident(
    "many", "app.failed", "source_ip", ("rate: {above: 20, below: 5}", "within: 1m"))


def over(test):
    """Rates that rise and fall within the lines of one commit."""
    _, (daemon,) = begin(test, RATE)
    addresses = [f"192.0.2.{n}" for n in range(16)]
    hits = [line(utc(3000), f"failed ip={ip}") for ip in addresses for _ in range(25)]
    test.append_lines("alpha.log", hits + [line(utc(2000), f"failed ip={ip}") for ip in addresses])
    wait_equal(lambda: sorted((i["key"]["source.ip"], i["count"], i["state"])
                              for i in daemon.ctl_or_none("incidents", "--all") or []),
               sorted((ip, 25, "closed") for ip in addresses), "incidents that are over")


CAP = 80
CAPPED = EVENTS + "incidents:" + incident(
    "burst", "app.failed", "source_ip", ("count: 3", "within: 1d", f"groups: {CAP}"))


def capped(test):
    """Many addresses come once; those of which an incident is open are remembered."""
    rng = harness.seeded()
    _, (daemon,) = begin(test, CAPPED)
    known = [f"192.0.2.{n}" for n in range(20)]
    test.append_lines("alpha.log", [line(utc(), f"failed ip={ip}") for ip in known * 3])
    for part in range(10):
        test.append_lines("alpha.log", [line(utc(), f"failed ip=10.{part}.{n}.1") for n in range(200)])
        if part % 4 == 1:
            disturb(rng, daemon)
    test.append_lines("alpha.log", [line(utc(), f"failed ip={ip}") for ip in known])
    wait_equal(lambda: sorted((i["key"]["source.ip"], i["count"]) for i in
                              daemon.ctl_or_none("incidents", "--all") or []),
               sorted((ip, 4) for ip in known), "incidents")
    groups = daemon.ctl("rule", "burst")["groups"]
    check(len(known) <= groups <= CAP, f"groups of {CAP} that may be:", groups)


harness.main(killed, two_killed, set_back, silence, over, capped)
