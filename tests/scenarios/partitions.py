#!/usr/bin/python3 -B
"""The state is spread over four partitions.  Each commits by itself, so when the daemon,
or Redis, ends in between, one may have counted what another has not.  Nothing is lost
and nothing is counted twice, neither when the daemon is killed with -9, nor when one
partition loses what it had confirmed, as a slot of a cluster does when its master dies
before its replica has heard; whether the daemon is up meanwhile or not.
"""

import os
import time

import harness
from harness import check, equal, wait, wait_equal

PARTITIONS = 4


def prefix(number):
    return f"triaged:{{t:{number}}}:"


def pattern(number):
    return f"triaged:?t:{number}?:*"


def offset_of(redis, number):
    """How far a partition has examined the log; the files' marks left out."""
    with harness.Client(redis.socket) as client:
        flat = client("HGETALL", prefix(number) + "pos:alpha")
    return [int(v.split()[0]) for k, v in zip(flat[::2], flat[1::2]) if not k.startswith(b"source:")]


def begin(test, partitions=PARTITIONS, name="triaged.yaml"):
    test.rules()
    test.write("auth.log", b"")
    redis = harness.Redis(test).start()
    hook = test.receiver().start()
    config = test.config(test.path("auth.log"), [test.channel(hook)], name=name,
                         redis={"url": f"unix://{redis.socket}", "partitions": partitions})
    daemon = test.daemon(config).start()
    wait(lambda: daemon.ctl("status")["redis"]["commits"] > 0, "it has noted that it follows the log")
    return daemon, redis, hook


def settle(test, daemon, redis, hook, log):
    expected = sorted(harness.model(log))
    check(len(expected) >= 4, "an attack that is none:", expected)
    wait_equal(lambda: sorted(daemon.summary_or_none() or []), expected, "incidents")
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(sorted(daemon.restart().summary()), expected, "after a restart")
    incidents = daemon.incidents()
    numbers = [inc["number"] for inc in incidents]
    equal(len(set(numbers)), len(numbers), "numbers of incidents, each once")
    check(len({(n - 1) % PARTITIONS for n in numbers}) > 1, "all in one partition:", numbers)
    equal([inc["opened"] for inc in incidents], sorted((i["opened"] for i in incidents), reverse=True),
          "the newest first")
    for inc in incidents[:3]:
        equal(daemon.ctl("show", inc["id"])["incident"]["key"], inc["key"], "show")
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    daemon.ctl("close", incidents[0]["id"], "-m", "done")
    equal(len(daemon.ctl("incidents")), len(incidents) - 1, "incidents that are not closed")
    told = [r["body"]["data"]["incident"] for r in hook.requests()
            if r["body"]["type"] == "incident.opened"]
    equal({inc["key"]["source.ip"] for inc in told}, {inc["key"]["source.ip"] for inc in incidents},
          "incidents by webhook")
    # One that was set back last may have nothing more to count: that is committed within a second.
    wait_equal(lambda: {n: offset_of(redis, n) for n in range(PARTITIONS)},
               {n: [len(log)] for n in range(PARTITIONS)}, "offsets by partition")


def killed(test):
    rng = harness.seeded()
    log = harness.attack_log(rng, 1500)
    daemon, redis, hook = begin(test)
    pieces = list(harness.pieces(rng, log, len(log) // 30))
    doomed = set(rng.sample(range(len(pieces)), 8))
    for n, piece in enumerate(pieces):
        test.append("auth.log", piece)
        if n not in doomed:
            continue
        time.sleep(rng.choice((0, rng.uniform(0, 0.02), rng.uniform(0, 0.2))))
        daemon.kill()
        if rng.random() < 0.3:
            redis.kill()
            redis.start()
        daemon.start(ready=rng.random() < 0.5)
    settle(test, daemon, redis, hook, log)


def set_back(test):
    """Partitions forget, each another time; the log grows all the while."""
    rng = harness.seeded()
    log = harness.attack_log(rng, 1500)
    daemon, redis, hook = begin(test)
    pieces = list(harness.pieces(rng, log, len(log) // 30))
    saved, behind = None, 0
    for n, piece in enumerate(pieces):
        test.append("auth.log", piece)
        if n % 6 == 2:
            number = rng.randrange(PARTITIONS)
            wait(daemon.is_ready, "the daemon is up")
            wait(lambda: offset_of(redis, number), "a position")
            saved = redis.save(pattern(number))
        elif n % 6 == 5:
            wait(lambda: offset_of(redis, number)[0] > 0, "a commit")
            time.sleep(rng.uniform(0, 0.05))
            down = rng.random() < 0.5
            if down:
                daemon.kill()
            redis.restore(pattern(number), saved)
            behind += len({tuple(offset_of(redis, i)) for i in range(PARTITIONS)}) > 1
            if down:
                daemon.start(ready=False)
    settle(test, daemon, redis, hook, log)
    check(behind > 0, "the partitions were never apart")


def rotated_apart(test):
    """One partition knows that a file has ended, another not yet."""
    rng = harness.seeded()
    log = harness.attack_log(rng, 900)
    daemon, redis, hook = begin(test)
    cut = log.index(b"\n", len(log) // 2) + 1
    middle = log.index(b"\n", cut // 2) + 1
    early, late = log[:cut], log[cut:]
    test.append("auth.log", early[:middle])
    for n in range(PARTITIONS):
        wait_equal(lambda: offset_of(redis, n), [middle], "offset")
    number = rng.randrange(PARTITIONS)
    saved = redis.save(pattern(number))
    test.append("auth.log", early[middle:])
    os.rename(test.path("auth.log"), test.path("auth.log.1"))
    test.append("auth.log", late)
    wait(lambda: daemon.has_examined(test.path("auth.log")), "all is examined")
    daemon.kill()
    redis.restore(pattern(number), saved)
    daemon.start()
    expected = sorted(harness.model(log))
    wait_equal(lambda: sorted(daemon.summary_or_none() or []), expected, "incidents")
    equal(sorted(daemon.restart().summary()), expected, "after a restart")


def other_number(test):
    daemon, redis, _ = begin(test)
    daemon.stop()
    config = test.config(test.path("auth.log"), name="other.yaml",
                         redis={"url": f"unix://{redis.socket}", "partitions": 8})
    other = test.daemon(config, "other").start(ready=False)
    wait(lambda: "redis.partitions is 8 here" in other.said(), "it says what is wrong")
    problem = wait(lambda: other.ctl_or_none("status"), "status")["redis"]
    check(not problem["ready"] and "begun with 4" in problem["problem"], "status says:", problem)
    with harness.Client(redis.socket) as client:
        equal(client("KEYS", "triaged:?t:7?:*"), [], "keys of a partition that there is not")


harness.main(killed, set_back, rotated_apart, other_number)
