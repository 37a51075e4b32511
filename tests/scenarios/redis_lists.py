#!/usr/bin/python3 -B
"""Lists whose values are in Redis.  An address that is put into a set, or taken out of it,
changes what the next lines are, within seconds and without a reload: as a condition (where),
as an exception of event rules and of incident rules (unless), and as keys that are expected
(each).  Before a list has been read no line is looked at.  What was read holds while Redis is
away and through a reload; what is no value is left out and told once.
"""

import time

import harness
import list_rules
from harness import check, equal, program, run, wait, wait_equal
from list_rules import counts, login, status, wait_key, wait_values

RULES = list_rules.rules("redis: blocked", "redis: own-networks", "redis: hosts", absent="5s",
                         any_unless="[{user_name: '@blocked'}]")
KEY = "triaged:{t:0}:list:"


def own_redis(test):
    redis = harness.Redis(test).start()
    return redis, harness.Client(redis.socket)


def set_up(test, redis):
    test.rules(RULES)
    test.append_lines("app.log", [])
    return test.daemon(test.config([test.path("app.log")], redis={"url": f"unix://{redis.socket}"}))


def log(test, daemon, *lines):
    """Append, and wait until all of it is examined."""
    test.append_lines("app.log", lines)
    wait(lambda: daemon.has_examined(test.path("app.log")), "the lines are examined")


def values_come_and_go(test):
    redis, client = own_redis(test)
    client("SADD", KEY + "blocked", "198.51.100.1")
    # Exceptions of the first lines: they are there before the lines are.
    client("SADD", KEY + "own-networks", *(f"10.0.{n // 256}.{n % 256}" for n in range(20000)))
    daemon = set_up(test, redis)
    test.append_lines("app.log", [login("10.0.78.31"), login("198.51.100.1"),
                                  login("198.51.100.9"), login("192.0.2.200")])
    daemon.start()
    wait_equal(lambda: counts(daemon, "any"), {"198.51.100.1": 1, "198.51.100.9": 1}, "incidents")
    equal(counts(daemon, "blocked"), {"198.51.100.1": 1}, "of blocked addresses")
    wait_values(daemon, "own", 20000)

    client("SADD", KEY + "blocked", "198.51.100.0/25", "2001:db8::/32", "bob",
           "x" * 2000, b"198.51.100.200\0")
    wait_values(daemon, "blocked", 6)
    log(test, daemon, login("198.51.100.9"), login("2001:DB8::5"), login("198.51.100.200", "bob"))
    wait_equal(lambda: counts(daemon, "blocked"),
               {"198.51.100.1": 1, "198.51.100.9": 1, "2001:db8::5": 1}, "a network")
    equal(sorted(counts(daemon, "any")), ["198.51.100.1", "198.51.100.9", "2001:db8::5"],
          "bob is an exception")
    # bob is no address, two are no values: told once, however often the set is read.
    row = status(daemon, "blocked")
    equal((row["key"], row["values"], row["invalid"], row["problem"]),
          (KEY + "blocked", 6, 3, None), "status")
    check(b"list       blocked: " in daemon.ctl_raw("status").stdout, "status as text")

    client("SREM", KEY + "blocked", "198.51.100.0/25", "198.51.100.1")
    client("SADD", KEY + "own-networks", "2001:db8::5")
    wait_values(daemon, "blocked", 4)
    wait_values(daemon, "own", 20001)
    log(test, daemon, login("198.51.100.9"), login("2001:db8::5"), login("2001:db8::6"))
    wait_key(daemon, "blocked", "2001:db8::6", "the last line")
    equal(counts(daemon, "blocked"), {"198.51.100.1": 1, "198.51.100.9": 1, "2001:db8::5": 1,
                                      "2001:db8::6": 1}, "what was taken out")
    client("DEL", KEY + "blocked")
    wait_values(daemon, "blocked", 0)
    log(test, daemon, login("2001:db8::7"))
    wait_key(daemon, "any", "2001:db8::7", "the line")
    check("2001:db8::7" not in counts(daemon, "blocked"), "an empty list has it")
    equal(daemon.said().count('are left out, such as "bob"'), 2, "once for each change")


def redis_goes_away(test):
    redis, client = own_redis(test)
    client("SADD", KEY + "blocked", "198.51.100.1")
    daemon = set_up(test, redis).start()
    wait_values(daemon, "blocked", 1)
    redis.stop()
    wait(lambda: not daemon.ctl("status")["redis"]["ready"], "Redis is away")
    test.append_lines("app.log", [login("198.51.100.1"), login("198.51.100.2")])
    # Other rules while it is away: what is known goes over to them.
    test.rules(RULES.replace("title: 'Login'", "title: 'A login'"))
    daemon.ctl("reload")
    equal(status(daemon, "blocked")["values"], 1, "values while Redis is away")
    redis.start()
    wait_equal(lambda: counts(daemon, "any"), {"198.51.100.1": 1, "198.51.100.2": 1}, "all logins")
    equal(counts(daemon, "blocked"), {"198.51.100.1": 1}, "of blocked addresses")

    # A set that is none: the values stay, and lines do not wait.
    client = harness.Client(redis.socket)
    client("DEL", KEY + "blocked")
    client("SET", KEY + "blocked", "x")
    wait(lambda: status(daemon, "blocked")["problem"], "that it is no set", 15)
    log(test, daemon, login("198.51.100.1"))
    wait_equal(lambda: counts(daemon, "blocked"), {"198.51.100.1": 2}, "the values from before")
    check(b"PROBLEM: WRONGTYPE" in daemon.ctl_raw("status").stdout, "the problem is shown")
    # A new list is read when it is first there, before any further line is looked at.
    client("SADD", KEY + "later", "198.51.100.77")
    for i in range(6):
        client("SADD", KEY + "later", *(f"198.{18 + i}.{n // 256}.{n % 256}" for n in range(10000)))
    test.rules(RULES.replace("redis: own-networks", "redis: later"))
    daemon.ctl("reload")
    log(test, daemon, login("198.51.100.77"), login("198.51.100.78"))
    wait_key(daemon, "any", "198.51.100.78", "the line behind")
    check("198.51.100.77" not in counts(daemon, "any"), "an exception that came with the rules")
    daemon.restart()
    wait(lambda: status(daemon, "blocked")["problem"], "it still is no set")
    log(test, daemon, login("198.51.100.79"))
    wait_key(daemon, "any", "198.51.100.79", "lines do not wait for what is no set")


def expected_keys(test):
    redis, client = own_redis(test)
    client("SADD", KEY + "hosts", "WEB")
    daemon = set_up(test, redis).start()
    wait_key(daemon, "silent", "web", "a host that is expected is silent")
    client("SADD", KEY + "hosts", "db")
    wait_key(daemon, "silent", "db", "and one that is expected later")
    equal(sorted(counts(daemon, "silent")), ["db", "web"], "hosts that are silent")


def a_large_set(test):
    redis, client = own_redis(test)
    for start in range(0, 70000, 10000):
        client("SADD", KEY + "blocked", *(f"198.18.{n // 256 % 256}.{n % 256}/{32 - n // 65536}"
                                          if n < 65536 else f"name-{n}"
                                          for n in range(start, start + 10000)))
    daemon = set_up(test, redis).start()
    wait(lambda: "has more than 65536 values" in daemon.said(), "that there are more is told")
    wait(lambda: status(daemon, "blocked")["values"] > 60000, "they are used")
    # Meanwhile the daemon answers.
    slowest, until = 0, time.monotonic() + 12
    while time.monotonic() < until:
        start = time.monotonic()
        daemon.ctl("status")
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(0.05)
    print(f"slowest answer while 65536 values are read: {slowest * 1000:.0f} ms")
    equal(daemon.said().count("has more than 65536 values"), 1, "it is told once")


def without_a_daemon(test):
    test.rules(RULES)
    test.append_lines("app.log", [login("198.51.100.1")])
    conf = test.config([test.path("app.log")])
    done = run([program("TRIAGECTL", "triagectl"), "-c", conf, "replay", "--json",
                test.path("app.log")])
    equal(done.stderr.decode().splitlines(),
          [f"triagectl: what list {name} has in Redis is not known here; --list {name}=FILE gives it"
           for name in ("own", "blocked", "hosts")], "what replay says")
    check(b'"rule":"blocked"' not in done.stdout, "the list is empty:", done.stdout)
    good = test.write("blocked.txt", "198.51.100.0/24 # a network\n\nann-is-no-address\n")
    done = run([program("TRIAGECTL", "triagectl"), "-c", conf, "--list", f"blocked={good}", "replay",
                test.path("app.log")])
    equal(done.returncode, 2, "exit code")
    check(b'blocked.txt:3:1: "ann-is-no-address" is not an IP address or network '
          b'(such as 192.0.2.0/24) (list blocked is used for an address)' in done.stderr, "a wrong value:", done.stderr)
    test.write("blocked.txt", "198.51.100.0/24 # a network\n")
    test.write("none.txt", "")
    done = run([program("TRIAGECTL", "triagectl"), "-c", conf, "--list", f"blocked={good}",
                "--list", f"own={test.path('none.txt')}", "--list", f"hosts={test.path('none.txt')}",
                "--list", f"other={good}", "replay", "--json", test.path("app.log")])
    equal(done.stderr, b"triagectl: --list other: no rule looks up what such a list has in Redis\n",
          "what replay says")
    check(b'"rule":"blocked"' in done.stdout, "the list is from the file:", done.stdout)
    equal(run([program("TRIAGECTL", "triagectl"), "--list", "x", "replay", "y"]).returncode, 2,
          "exit code of a wrong --list")
    test.rules(RULES.replace("redis: own-networks", "redis: 'own {x}'"))
    done = run([program("TRIAGED", "triaged"), "-t", "-c", conf])
    check(b'redis "own {x}" is not 1 to 64 of lower-case letters' in done.stderr,
          "a name that is none:", done.stderr)


def in_the_private_server(test):
    test.rules(RULES)
    test.append_lines("app.log", [])
    daemon = test.daemon(test.config([test.path("app.log")])).start()
    with harness.Client(daemon.redis_socket()) as client:
        client("SADD", KEY + "blocked", "198.51.100.1")
    wait_values(daemon, "blocked", 1)
    log(test, daemon, login("198.51.100.1"), login("198.51.100.2"))
    wait(lambda: len(counts(daemon, "any") or {}) == 2, "all logins")
    equal(counts(daemon, "blocked"), {"198.51.100.1": 1}, "of blocked addresses")


def in_partitions(test):
    redis, client = own_redis(test)
    client("SADD", KEY + "blocked", "198.51.100.1")
    test.rules(RULES)
    daemon = test.daemon(test.config(
        [test.path("app.log")], redis={"url": f"unix://{redis.socket}", "partitions": 3}))
    test.append_lines("app.log", [login(f"198.51.100.{n}") for n in range(1, 9)])
    daemon.start()
    wait(lambda: len(counts(daemon, "any") or {}) == 8, "all logins")
    equal(counts(daemon, "blocked"), {"198.51.100.1": 1}, "of blocked addresses")


def in_a_cluster(test):
    """Two masters; the set is with partition 0, wherever that is, and moves with it."""
    ports = [harness.Port().number for _ in range(2)]
    nodes = []
    for i, port in enumerate(ports):
        with_dir = harness.Redis(test, "cluster-enabled yes", "cluster-announce-ip 127.0.0.1",
                                 f"cluster-config-file nodes{i}.conf", f"appenddirname aof{i}",
                                 f"unixsocket {test.path(f'node{i}.sock')}", port=port)
        with_dir.socket = test.path(f"node{i}.sock")
        with_dir.start()
        nodes.append(harness.Client(with_dir.socket))
    nodes[0]("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
    nodes[1]("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
    nodes[0]("CLUSTER", "MEET", "127.0.0.1", ports[1])
    wait(lambda: all(b"cluster_state:ok" in n("CLUSTER", "INFO") and
                     b"cluster_known_nodes:2" in n("CLUSTER", "INFO") for n in nodes), "a cluster")
    added = [n.try_call("SADD", KEY + "blocked", "198.51.100.1") for n in nodes]
    equal(sorted(a == 1 for a in added), [False, True], f"one node has the slot: {added}")
    source, target = sorted(nodes, key=lambda n: added[nodes.index(n)] != 1)

    test.rules(RULES)
    daemon = test.daemon(test.config([test.path("app.log")], redis={
        "url": f"redis+cluster://127.0.0.1:{ports[0]}", "partitions": 3}))
    test.append_lines("app.log", [login(f"198.51.100.{n}") for n in range(1, 9)])
    daemon.start()
    wait(lambda: len(counts(daemon, "any") or {}) == 8, "all logins")
    equal(counts(daemon, "blocked"), {"198.51.100.1": 1}, "of blocked addresses")

    slot = source("CLUSTER", "KEYSLOT", KEY + "blocked")
    ids = {n: n("CLUSTER", "MYID") for n in nodes}
    target("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    source("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    while keys := source("CLUSTER", "GETKEYSINSLOT", slot, 10):
        source("MIGRATE", "127.0.0.1", ports[nodes.index(target)], "", 0, 5000, "KEYS", *keys)
    for node in (target, source):
        node("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
    target("SADD", KEY + "blocked", "198.51.100.2")
    wait_values(daemon, "blocked", 2)
    log(test, daemon, login("198.51.100.2"))
    wait(lambda: len(counts(daemon, "blocked") or {}) == 2, "of what came after the move")


harness.main(values_come_and_go, redis_goes_away, expected_keys, a_large_set, without_a_daemon,
             in_the_private_server, in_partitions, in_a_cluster, together=True)
