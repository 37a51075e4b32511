#!/usr/bin/python3 -B
"""The state is in a Redis that comes and goes.  An operator's own that is not there
yet when the daemon starts, that is killed while lines arrive, that stops answering for
a while; the private one, killed.  Each time the daemon says that it is away, waits,
goes on by itself when it is back, and no line is lost or counted twice.  Messages that
are lost meanwhile are told when it is back, even by the next daemon.
"""

import glob
import json
import os
import signal
import socket

import harness
from harness import check, equal, wait, wait_equal

PASSWORD = "a-passw0rd#with:things"


def slices(log, n):
    """The log in n parts, cut at the ends of lines."""
    lines = log.splitlines(keepends=True)
    return [b"".join(lines[i * len(lines) // n:(i + 1) * len(lines) // n]) for i in range(n)]


def is_away(daemon):
    status = daemon.ctl("status")
    return not status["redis"]["ready"] and status["redis"]["problem"]


def wait_all(test, daemon, hook, log):
    """Everything in the log is counted once, and told."""
    expected = sorted(harness.model(log))
    check(len(expected) >= 3, "an attack that is none:", expected)
    wait_equal(lambda: sorted(daemon.summary_or_none() or []), expected, "incidents")
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(sorted(daemon.restart().summary()), expected, "incidents after a restart")
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    opened = [body["data"]["incident"]["id"] for body in hook.messages("incident.opened").values()]
    equal(sorted(opened), sorted(inc["id"] for inc in daemon.incidents()), "incidents told of")


def begin(test, **redis):
    test.rules()
    test.write("auth.log", b"")
    hook = test.receiver().start()
    more = {"redis": redis} if redis else {}
    return test.daemon(test.config(test.path("auth.log"), [test.channel(hook)], **more)), hook


def comes_late_by_unix_socket(test):
    rng = harness.seeded()
    log = harness.attack_log(rng, 400)
    early, late = slices(log, 2)
    redis = harness.Redis(test)
    daemon, hook = begin(test, url=f"unix://{redis.socket}")
    daemon.start(ready=False)
    wait(lambda: daemon.ctl_or_none("status"), "the daemon is up without Redis")
    problem = wait(lambda: is_away(daemon), "it says that Redis is away")
    check("Redis is away" in daemon.said(), "nor a word in its log:", problem)
    check("AWAY" in daemon.ctl_raw("status").stdout.decode(), "the status for people tells")
    check("Redis" in daemon.ctl_fails(1, "incidents"), "why there is no list")
    test.append("auth.log", early)

    redis.start()
    wait(daemon.is_ready, "the daemon finds Redis")
    test.append("auth.log", late)
    wait_all(test, daemon, hook, log)
    equal(daemon.stop(), 0, "exit status")
    check(redis.runs(), "an operator's Redis is left alone")


def comes_late_by_tcp_with_a_password(test):
    rng = harness.seeded()
    log = harness.attack_log(rng, 400)
    users = test.write("users.acl", f"user default off\nuser keeper on >{PASSWORD} ~triaged:* "
                       "resetchannels -@all +@read +@write +@scripting +@connection\n")
    port = harness.Port().number
    redis = harness.Redis(test, f"aclfile {users}", port=port)
    password = test.write("password", PASSWORD + "\n")
    os.chmod(password, 0o600)
    test.append("wrong", b"not the password\n")
    os.chmod(test.path("wrong"), 0o600)

    daemon, hook = begin(test, url=f"redis://127.0.0.1:{port}", user="keeper", password_file=test.path("wrong"))
    daemon.start(ready=False)
    redis.start()
    test.append("auth.log", log)
    problem = wait(lambda: (p := daemon.ctl_or_none("status")) and "WRONGPASS" in p["redis"]["problem"] and p,
                   "a wrong password is what the status names")
    check(PASSWORD not in str(problem) and "not the password" not in str(problem), "secrets stay secret")
    equal(daemon.stop(), 0, "exit status")

    daemon, hook = begin(test, url=f"redis://127.0.0.1:{port}", user="keeper", password_file=password)
    test.append("auth.log", log)
    daemon.start()
    wait_all(test, daemon, hook, log)
    check(PASSWORD not in daemon.said(), "the password stands in the daemon's log")


def is_killed(test):
    rng = harness.seeded()
    log = harness.attack_log(rng, 600)
    redis = harness.Redis(test).start()
    daemon, hook = begin(test, url=f"unix://{redis.socket}")
    daemon.start()
    for n, part in enumerate(slices(log, 12)):
        test.append("auth.log", part)
        if n in (3, 7):
            redis.kill()
        if n == 5:
            wait(lambda: is_away(daemon), "it says that Redis is away")
        if n in (5, 9):
            redis.start()
    wait_all(test, daemon, hook, log)


def the_private_one_is_killed(test):
    rng = harness.seeded()
    log = harness.attack_log(rng, 600)
    daemon, hook = begin(test)
    daemon.start()
    for n, part in enumerate(slices(log, 12)):
        test.append("auth.log", part)
        if n in (3, 7):
            pid = wait(daemon.redis_pid, "a private redis-server listens")
            os.kill(pid, signal.SIGKILL)
            wait(lambda: harness.is_gone(pid), "it is gone")
    wait_all(test, daemon, hook, log)


def hangs(test):
    """Longer than the daemon is ready to wait: what was under way may happen or not."""
    rng = harness.seeded()
    log = harness.attack_log(rng, 600)
    redis = harness.Redis(test).start()
    daemon, hook = begin(test, url=f"unix://{redis.socket}")
    daemon.start()
    first, second, third, fourth = slices(log, 4)
    test.append("auth.log", first)
    wait_equal(lambda: sorted(daemon.summary()), sorted(harness.model(first)), "incidents of the first part")
    redis.signal(signal.SIGSTOP)
    test.append("auth.log", second)
    check(is_away(daemon), "it says that Redis is away as soon as it says anything")
    test.append("auth.log", third)
    redis.signal(signal.SIGCONT)
    wait(daemon.is_ready, "it is back")
    test.append("auth.log", fourth)
    wait_all(test, daemon, hook, log)


def two_of_one_name(test):
    """Two daemons that both say they are alpha follow one log into one Redis: each
    throws the other out, and still no line is counted twice."""
    rng = harness.seeded()
    log = harness.attack_log(rng, 600)
    redis = harness.Redis(test).start()
    daemon, hook = begin(test, url=f"unix://{redis.socket}")
    other = test.daemon(test.config(
        test.path("auth.log"), [test.channel(hook)], name="other.yaml",
        state_dir=test.path("other"), control_socket=test.path("other.sock"),
        redis={"url": f"unix://{redis.socket}"}), name="other")
    daemon.start()
    other.start(ready=False)
    for part in slices(log, 20):
        test.append("auth.log", part)
        wait(lambda: daemon.ctl_or_none("incidents") is not None, "it is its turn")
    wait(lambda: "another daemon named alpha" in daemon.said() + other.said(), "they notice")
    equal(other.stop(), 0, "exit status of the other")
    wait_all(test, daemon, hook, log)


def spooled(test):
    """Messages in the spool, while nothing can be committed."""
    return sum(open(path, "rb").read().count(b"\n")
               for path in glob.glob(test.path("state/spool/net/*.log")))


def told_lost(daemon):
    """Messages that are listed as not examined."""
    answer = daemon.ctl_or_none("sources")
    gaps = (answer or {}).get("unexamined")
    return None if gaps is None else sum(gap.get("messages", 0) for gap in gaps["gaps"])


def what_was_lost_meanwhile_outlives_the_daemon(test):
    """Datagrams beyond the limit of their sender are dropped while Redis is away, and
    the daemon is killed, then stopped, before it is back."""
    port = harness.Port().number
    redis = harness.Redis(test)
    test.rules()
    config = test.config([], redis={"url": f"unix://{redis.socket}"}, sources=[
        {"id": "net", "listen": [f"udp://127.0.0.1:{port}"], "peer_rate": 20}])
    daemon = test.daemon(config)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = 0
    for end in (daemon.kill, daemon.stop):
        daemon.start(ready=False)
        wait(lambda: daemon.ctl_or_none("status"), "the daemon is up without Redis")
        for _ in range(150):
            sender.sendto(b"<13>Jan  1 00:00:00 alpha app: text", ("127.0.0.1", port))
        sent += 150
        # It says so once a second, and says all that it has lost until then.
        wait(lambda: spooled(test) + lost_on_disk(test) == sent, "what is lost is on disk")
        end()
    lost = sent - spooled(test)  # now: what is committed leaves the spool
    redis.start()
    daemon.start()
    wait_equal(lambda: told_lost(daemon), lost, "messages told as lost")
    wait(lambda: not os.path.exists(test.path("state/spool/losses.json")), "the file is gone")
    equal(told_lost(daemon.restart()), lost, "messages told after a restart")


def lost_on_disk(test):
    try:
        with open(test.path("state/spool/losses.json"), encoding="utf-8") as f:
            return sum(loss["lost"] for loss in json.load(f))
    except OSError:
        return 0


harness.main(comes_late_by_unix_socket, comes_late_by_tcp_with_a_password, is_killed,
             the_private_one_is_killed, two_of_one_name, hangs,
             what_was_lost_meanwhile_outlives_the_daemon)
