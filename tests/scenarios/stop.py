#!/usr/bin/python3 -B
"""Stopping.  SIGTERM finishes what is under way; lines written right before it are
counted once, before the end or after the next start.  The private redis-server ends
with the daemon, also when that is killed.  A second daemon on the same state directory
refuses to start and says why, and the first does not mind.  A lock that a child of a
killed daemon still holds for a moment is waited for.
"""

import fcntl
import os
import signal
import time

import harness
from harness import check, equal, failed_login, wait, wait_equal


def begin(test, *mode):
    test.rules()
    test.write("auth.log", b"")
    hook = test.receiver().start(*mode)
    return test.daemon(test.config(test.path("auth.log"), [test.channel(hook)])), hook


def lines_right_before_the_end(test):
    """Stopped again and again, at whatever it is at."""
    rng = harness.seeded()
    log = harness.attack_log(rng, 400)
    daemon, hook = begin(test)
    pieces = list(harness.pieces(rng, log, len(log) // 8))
    for n, piece in enumerate(pieces):
        started = daemon.said().count("running as") + 1
        daemon.start(ready=n % 2 == 0)
        # Every other time it is stopped in the very moment in which it starts its Redis.
        wait(lambda: daemon.said().count("running as") == started, "it is up", pause=0)
        test.append("auth.log", piece)
        equal(daemon.stop(), 0, "exit status after SIGTERM")
    daemon.start()
    wait_equal(lambda: sorted(daemon.summary()), sorted(harness.model(log)), "incidents")
    equal(sorted(daemon.restart().summary()), sorted(harness.model(log)), "incidents after a restart")
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    equal(len(hook.messages("incident.opened")), len(harness.model(log)), "webhooks")


def what_is_under_way_is_finished(test):
    """An endpoint is slow to answer; the daemon waits for it, and so knows after the
    next start that it need not tell again."""
    daemon, hook = begin(test, "--mode", "slow", "--fail-first", "1")
    daemon.start()
    test.append_lines("auth.log", [failed_login("192.0.2.1")] * 5)
    hook.wait_message("incident.opened")
    daemon.restart()
    equal(daemon.summary()[0][:2], ("192.0.2.1", 5), "the incident")
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    equal(len(hook.requests()), 1, "requests")
    check(daemon.has_examined(test.path("auth.log")), "the log is not read again")
    equal(daemon.ctl("status")["counters"]["lines"], 0, "lines read again")


def left_over(hook):
    """Orphans become children of this process.  The dead ones are taken off."""
    pids = [pid for pid in harness.children(os.getpid()) if pid != hook.pid]
    for pid in pids:
        if harness.is_gone(pid):
            os.waitpid(pid, os.WNOHANG)
    return pids


def nothing_is_left_behind(test):
    daemon, hook = begin(test)

    def interrupt():
        daemon.signal(signal.SIGINT)
        equal(daemon.wait_exit(), 0, "exit status after SIGINT")

    for end in (daemon.stop, daemon.kill, interrupt):
        daemon.start()
        redis = daemon.redis_pid()
        check(redis is not None and not harness.is_gone(redis), "the private Redis runs")
        end()
        wait(lambda: harness.is_gone(redis), "the private Redis is gone")
        wait(lambda: not left_over(hook), "nothing else is left")
    check(not os.path.exists(daemon.socket), "the control socket is left behind")
    equal(oct(os.stat(daemon.state_dir).st_mode & 0o777), "0o700", "mode of the state directory")


def a_second_daemon(test):
    daemon, hook = begin(test)
    daemon.start()
    redis = daemon.redis_pid()
    other = test.config(test.path("auth.log"), name="other.yaml",
                        control_socket=test.path("other.sock"))
    for config in (daemon.config, other):
        second = test.daemon(config, name="second")
        second.start(ready=False)
        equal(second.wait_exit(), 1, "exit status of the second")
        check(test.path("state") in second.said() and "another triaged" in second.said(),
              "why the second does not start:", second.said())
    equal(daemon.redis_pid(), redis, "the first one's Redis")
    test.append_lines("auth.log", [failed_login("192.0.2.1")] * 5)
    hook.wait_message("incident.opened")
    equal(daemon.summary()[0][:2], ("192.0.2.1", 5), "the incident of the first")


def a_lock_that_goes_with_its_holder(test):
    """A child that the killed daemon had forked has its lock until it becomes another
    program: here the test itself holds it, until the daemon is seen to wait."""
    daemon, _ = begin(test)
    os.mkdir(daemon.state_dir, 0o700)
    path = test.path("state/lock")
    with open(path, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        daemon.start(ready=False)
        wait(lambda: path in open_files(daemon.pid) or not daemon.runs(), "it opens the lock")
        time.sleep(0.1)
        check(daemon.runs() and not os.path.exists(daemon.socket), "it waits and starts nothing")
    daemon.wait_ready()


def open_files(pid):
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    return found


harness.main(lines_right_before_the_end, what_is_under_way_is_finished, nothing_is_left_behind,
             a_second_daemon, a_lock_that_goes_with_its_holder)
