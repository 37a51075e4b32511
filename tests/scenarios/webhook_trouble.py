#!/usr/bin/python3 -B
"""Five endpoints are in trouble, each in its own way: one refuses connections, one
hangs, one answers garbage, one says 500, one closes without an answer.  Each failure is
tried again and can be seen; the sixth endpoint, which is well, hears everything at
once.  The daemon is killed meanwhile.  When the endpoints recover they get everything,
in order, with the ids that were tried before.
"""

import harness
from harness import check, equal, failed_login, wait

# How each behaves, and for how many requests.  The first that hangs is cut off when
# the daemon is killed, the second lasts until the daemon loses patience.
TROUBLES = {"hang": ("hang", "2"), "garbage": ("garbage", "1"), "error": ("500", "1"),
            "drop": ("drop", "1")}


def outbox(daemon):
    """How each delivery that is not done stands, by channel; the first of each."""
    found = {}
    for entry in daemon.ctl_or_none("outbox") or []:
        if entry["channel"] not in found or entry["seq"] < found[entry["channel"]]["seq"]:
            found[entry["channel"]] = entry
    return found


def has_failed(daemon, channel):
    return outbox(daemon).get(channel, {}).get("attempts", 0) >= 1


def check_visible(daemon):
    """Whatever has failed and is not done is told everywhere."""
    failed = {c: entry for c, entry in outbox(daemon).items() if entry["attempts"] >= 1}
    check("refusing" in failed, "the one that refuses is done:", failed)
    pages = [daemon.ctl_raw("outbox"), daemon.ctl_raw("show", "INC-1")]
    for channel, entry in failed.items():
        check(entry.get("error"), f"why {channel} failed is not told: {entry}")
        check(not entry["dead"], f"{channel} was given up at once: {entry}")
        for page in pages:
            check(entry["error"] in page.stdout.decode(), f"{channel}: {entry['error']} is not in {page}")
    equal(daemon.ctl("status")["outbox"]["dead"], 0, "given up, by the status")
    print("failing:", {channel: entry["error"] for channel, entry in failed.items()})


def check_history(daemon, channels):
    """Also when all is well again one can see who was told late, and why."""
    history = daemon.ctl("show", "INC-1")["history"]
    for channel in channels:
        told = [h["action"] for h in history if h["message"].startswith(f"{channel}: ")]
        equal(told, ["notification failed", "notified", "notified"], f"history of {channel}")


def check_order(receiver):
    """acknowledged never before opened arrived, whatever was repeated."""
    kinds = [r["body"]["type"] for r in receiver.requests()]
    check(kinds.index("incident.opened") < kinds.index("incident.acknowledged"), receiver.name, kinds)


def webhook_trouble(test):
    test.rules()
    test.write("auth.log", b"")
    well, refusing = test.receiver("well").start(), test.receiver("refusing")
    ill = {name: test.receiver(name).start("--mode", mode, "--fail-first", number)
           for name, (mode, number) in TROUBLES.items()}
    channels = [test.channel(r) for r in (refusing, *ill.values(), well)]
    daemon = test.daemon(test.config(test.path("auth.log"), channels)).start()

    test.append_lines("auth.log", [failed_login("192.0.2.66")] * 5)
    well.wait_message("incident.opened")
    wait(lambda: all(r.messages() for r in ill.values()), "the ill ones have been tried")
    daemon.ctl("ack", "INC-1", "-m", "on it")
    well.wait_message("incident.acknowledged")
    equal(outbox(daemon)["hang"]["attempts"], 0, "attempts that ended at the one that hangs")

    wait(lambda: has_failed(daemon, "refusing"), "a refused connection is seen")
    check_visible(daemon)
    tried = {name: set(r.messages()) for name, r in ill.items()}
    tried["refusing"] = {outbox(daemon)["refusing"]["id"]}
    daemon.kill()
    daemon.start()
    check_visible(daemon)

    refusing.start()
    for receiver in (refusing, *ill.values()):
        receiver.wait_message("incident.acknowledged")
        check(tried[receiver.name] <= set(receiver.messages()), f"{receiver.name}: the ids are new")
        check_order(receiver)
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    equal(daemon.ctl("show", "INC-1")["deliveries"], [], "deliveries that are not done")
    check_history(daemon, ["refusing", *ill])
    for receiver in (well, refusing, *ill.values()):
        equal(len(receiver.messages()), 2, f"webhooks at {receiver.name}")


harness.main(webhook_trouble)
