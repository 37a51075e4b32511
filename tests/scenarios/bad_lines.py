#!/usr/bin/python3 -B
"""What attackers, crashes and broken programs leave in logs: NUL bytes, bytes that are
no UTF-8, CRLF, terminal escapes, a line of 100 MB, a file that ends without a newline.
Whatever it is, the line after it is seen, memory stays bounded, it is counted, the
webhook is valid JSON and the terminal gets no byte that it would obey.
"""

import os
import re

import harness
from harness import check, equal, failed_login, wait, wait_equal

MEGABYTE = 1 << 20
MEMORY = 100 * MEGABYTE
EVIL = (b"\x1b[2J\x1b]0;owned\x07\x9b31m\xff\xfe\x7f\x08"
        b"\xe2\x80\xae\xe2\x80\xa8\xc2\x9b" + '"\\{"a":1}\t</script>'.encode())


def marker(n):
    """An address for each trial: whether its fifth line was seen is whether it opens."""
    return f"192.0.2.{n}"


def begin(test, **more):
    test.rules()
    test.write("auth.log", b"")
    hook = test.receiver().start()
    return test.daemon(test.config(test.path("auth.log"), [test.channel(hook)], **more)).start(), hook


def wait_found(daemon, addresses, count=5):
    wait_equal(lambda: sorted((row[0], row[1]) for row in daemon.summary()),
               sorted((a, count) for a in addresses), "incidents and counts")


def trials():
    """Each a line that is trouble: between four good ones and the one that counts."""
    login = failed_login(marker(200), user="harmless")
    return {
        "NUL bytes alone": b"\x00" * 70000 + b"\n",
        "NUL bytes in a line": login.replace(b"harmless", b"harm\x00less") + b"\n",
        "no UTF-8": b"\xff\xfe\xc0\x80\xed\xa0\x80\xf8\x88\x80\x80\x80\n",
        "a line of control characters": bytes(set(range(1, 32)) - {10}) + b"\n",
        "empty lines": b"\n\r\n\n",
        "carriage returns alone": b"a\rb\rc\r\n",
        "a header and nothing else": b"<13>\n<\n<999>Mar\nMar  1 12:00:00\nMar  1 12:00:00 alpha sshd[:\n",
        "many opening brackets": b"<165>1 - - - - - " + b"[" * 50000 + b"\n",
        "a format": b"%s%n%n%n%x " * 100 + b"\n",
    }


def the_next_line_is_seen(test):
    daemon, hook = begin(test)
    expected = []
    for n, (name, trouble) in enumerate(trials().items(), 1):
        test.append_lines("auth.log", [failed_login(marker(n))] * 4)
        test.append("auth.log", trouble)
        test.append_lines("auth.log", [failed_login(marker(n))])
        expected.append(marker(n))
        print(name, "->", marker(n))
    test.append("auth.log", (failed_login(marker(100)) + b"\r\n") * 5)
    wait_found(daemon, expected + [marker(100)])
    counters = daemon.ctl("status")["counters"]
    equal(counters["nul_bytes_skipped"] > 0, True, "NUL bytes are counted")
    equal(daemon.ctl("show", find(daemon, marker(100)))["incident"]["samples"][0]["line"][-4:], "ssh2",
          "end of a line with CRLF")
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    equal(len(hook.messages("incident.opened")), len(expected) + 1, "webhooks")


def find(daemon, address):
    return next(inc["id"] for inc in daemon.incidents() if address in inc["key"].values())


def check_harmless(text, what):
    """Nothing that a terminal obeys, nothing invisible, valid UTF-8."""
    shown = text.decode("utf-8")
    bad = re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]", shown)
    equal(bad, [], f"characters in {what} that do something to a terminal")


def nothing_is_obeyed(test):
    """Attackers choose the user name."""
    field = "user_agent_original"  # which may be any text
    rule = harness.RULES.replace("user_name", field).replace(
        "by: [source_ip]", f"by: [source_ip, {field}]").replace("{source_ip}", f"{{source_ip}} by {{{field}}}")
    daemon, hook = begin(test)
    test.rules(rule)
    daemon.ctl("reload")
    line = failed_login(marker(1), user=EVIL)
    test.append_lines("auth.log", [line] * 5)
    message = hook.wait_message("incident.opened")  # whose JSON was parsed
    incident = message["data"]["incident"]
    check("script" in incident["key"]["user_agent.original"], "the name in the key:", incident["key"])
    equal(len({sample["sha256"] for sample in incident["samples"]}), 1, "hashes of equal lines")
    equal(incident["samples"][0]["sha256"], harness.sha256(line), "the hash is of the bytes as they were")
    for command in (["show", "INC-1"], ["incidents"], ["outbox"], ["status"]):
        done = daemon.ctl_raw(*command)
        equal(done.returncode, 0, f"exit code of {command}")
        check_harmless(done.stdout + done.stderr, command)
    check_harmless(daemon.said().replace("\t", " ").encode("utf-8", "backslashreplace"), "the daemon's log")
    evil = EVIL.replace(b"\n", b"").decode("utf-8", "surrogateescape")
    for command in (["explain", line.decode("utf-8", "surrogateescape")],
                    ["ack", evil, "-m", "x"], [evil]):
        done = daemon.ctl_raw("-c", daemon.config, *command)
        check_harmless(done.stdout + done.stderr, command[0])
    daemon.ctl("ack", "INC-1", "-m", evil.encode("utf-8", "surrogateescape").decode("utf-8", "ignore"))
    hook.wait_message("incident.acknowledged")
    check_harmless(daemon.ctl_raw("show", "INC-1").stdout, "show after ack")


def sanitized(pid):
    """Sanitizers have a memory of their own."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        if "asan" in f.read():
            return True
    with open(f"/proc/{pid}/exe", "rb") as f:
        return b"__asan_init" in f.read()


def a_line_of_100_megabytes(test):
    daemon, hook = begin(test)
    test.append_lines("auth.log", [failed_login(marker(1))] * 4)
    head = failed_login(marker(2))
    for _ in range(100):
        test.append("auth.log", (head + b" " + b"x" * MEGABYTE)[:MEGABYTE])
    test.append_lines("auth.log", [b"", failed_login(marker(1)), b"a" * 65537, failed_login(marker(1))])
    wait_found(daemon, [marker(1)], 6)
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(daemon.ctl("status")["counters"]["lines_cut"], 2, "lines that were cut")
    if not sanitized(daemon.pid):
        used = harness.most_memory(daemon.pid)
        check(used < MEMORY, f"the daemon has had {used // MEGABYTE} MB of memory")
    equal(daemon.restart().summary()[0][1], 6, "count after a restart")
    hook.wait_message("incident.opened")


def no_newline_at_the_end(test):
    """The last line is complete when its file has been rotated; what comes to the new
    file is a line of its own."""
    daemon, _ = begin(test)
    line = failed_login(marker(1))
    test.append_lines("auth.log", [line] * 3)
    test.append("auth.log", line[:40])
    wait(lambda: daemon.ctl("status")["counters"]["lines"] >= 3, "three lines are seen")
    equal(daemon.incidents(), [], "incidents by half a line")
    test.append("auth.log", line[40:])
    os.rename(test.path("auth.log"), test.path("auth.log.1"))
    test.append_lines("auth.log", [line, failed_login(marker(2))])
    wait_found(daemon, [marker(1)])
    equal(daemon.restart().summary()[0][1], 5, "count after a restart")


harness.main(the_next_line_is_seen, nothing_is_obeyed, a_line_of_100_megabytes, no_newline_at_the_end)
