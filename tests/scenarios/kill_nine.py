#!/usr/bin/python3 -B
"""The daemon is killed with -9 at ten random moments while a log grows, and started
again at once.  Incidents, counts and times are those of an undisturbed run; every
webhook arrives at least once, and whenever it arrives again it is the same.  So it is
when the log is rotated in between, by renaming and by copying and truncating.
"""

import os
import random
import re
import shutil

import harness
from harness import check, equal, wait, wait_equal

KILLS = 10


def grow(test, rng, daemon, log, at=None):
    """Append the log in pieces; kill at random moments: after a piece, when a random
    share of a short time has passed, whatever the daemon is at then."""
    pieces = list(harness.pieces(rng, log, 2 * len(log) // 150))
    kills = set(rng.sample(range(len(pieces)), KILLS))
    for n, piece in enumerate(pieces):
        if at and n in at:
            at[n]()
        test.append("auth.log", piece)
        if n in kills:
            pause(rng)
            daemon.kill()
            daemon.start(ready=rng.random() < 0.5)
    check(at is None or all(n < len(pieces) for n in at), "a rotation that did not happen")


def pause(rng):
    """Not a wait for anything: this is the randomness of the moment."""
    harness.time.sleep(rng.choice((0, rng.uniform(0, 0.02), rng.uniform(0, 0.2))))


def check_webhooks(daemon, hook, expected):
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    opened = hook.messages("incident.opened")
    equal(sorted(body["data"]["incident"]["title"] for body in opened.values()),
          sorted(f"Passwords guessed from {row[0]}" for row in expected), "incidents told of")
    equal(len({body["data"]["incident"]["id"] for body in opened.values()}), len(opened),
          "incidents opened, each by one webhook")
    steps = {}
    for ident in hook.messages():
        m = re.fullmatch(r"triaged_([0-9a-f]+)_(\d+)_(\d+)_hook", ident)
        check(m, "a strange webhook-id:", ident)
        steps.setdefault((m[1], int(m[2])), set()).add(int(m[3]))
    equal(len({install for install, _ in steps}), 1, "installations in the ids")
    for (_, number), seen in steps.items():
        equal(seen, set(range(1, max(seen) + 1)), f"messages about INC-{number}")


def play(test, rng, log, at=None, expected=None):
    test.write("auth.log", b"")
    hook = test.receiver().start()
    config = test.config(test.path("auth.log"), [test.channel(hook)])
    daemon = test.daemon(config).start()
    grow(test, rng, daemon, log, at)
    expected = harness.model(log) if expected is None else expected
    check(len(expected) >= 3, "an attack that is none:", expected)
    wait_equal(lambda: sorted(daemon.summary_or_none() or []), sorted(expected), "incidents")
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(sorted(daemon.restart().summary()), sorted(expected), "incidents after a restart")
    check_webhooks(daemon, hook, expected)
    hook.stop()
    equal(daemon.stop(), 0, "exit status")


def rename(test):
    os.rename(test.path("auth.log"), test.path("auth.log.1"))


def copy_and_truncate(test, daemon_has_all):
    daemon_has_all()
    shutil.copyfile(test.path("auth.log"), test.path("auth.log.1"))
    os.truncate(test.path("auth.log"), 0)


def with_new_directory(test, name):
    """Each play has a directory of its own."""
    part = harness.Test()
    part.processes = test.processes
    test.parts.append(part)
    part.rules()
    print(name)
    return part


def story(test):
    seed = int(os.environ.get("SEED") or random.randrange(1 << 30))
    print(f"SEED={seed}")
    rng = random.Random(seed)
    log, _ = harness.openssh_log()


harness.main(story)
