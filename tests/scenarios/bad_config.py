#!/usr/bin/python3 -B
"""Mistakes in triaged.yaml and in rule files: all of them are told in one go, each with
file, line, column and a caret under the place, and nothing is started.  At a reload the
old rules keep working until the file is right; a rule that fails its own test is wrong
too.  A change of triaged.yaml takes effect by a reload; no line is lost by it, and no
connection closed.
"""

import os
import re
import signal
import socket

import harness
from harness import check, equal, failed_login, wait, wait_equal

HERE = "<!>"  # stands before each mistake

BAD_CONFIG = """
node: alpha
state_dir: {dir}/state
control_socket: {dir}/control.sock
rules: {dir}/rules
<!>max_lines: 1000
sources:
  - id: log
    files: <!>auth.log
    start: <!>begining
  - id: <!>log
    files: {dir}/auth.log
channels:
  - id: hook
    type: webhook
    url: <!>http://127.0.0.1:1/
    secret: <!>not-a-secret
    min_severity: <!>[low]
"""

BAD_RULES = """
events:
  - id: test.login-failed
    title: Login failed
    class: unauthorized-access
    severity: <!>lwo
    <!>wher: {program: sshd}
    match: '^Failed \\S+ for (?<user_name>.* from (?<source_ip>\\S+) port<!>'
incidents:
  - id: test-password-guessing
    title: Passwords guessed
    on: [<!>test.login-faild]
    by: [source_ip]
    count: 5
    within: <!>ten minutes
    severity: medium
    criteria: five failed logins from one address within ten minutes
"""


def take_marks(text):
    """The text without its marks, and (line, column) of each."""
    places, clean = [], ""
    for n, line in enumerate(text.split("\n"), 1):
        while HERE in line:
            places.append((n, line.index(HERE) + 1))
            line = line.replace(HERE, "", 1)
        clean += line + "\n"
    return clean, places


def check_shown(error, shown, caret, line, column):
    """The line and a caret under the character; of a long one the part around it, and
    of a secret only that it is one."""
    equal(caret.strip(" "), "^", f"the caret of {error!r}")
    if shown.endswith("(hidden)"):
        equal(shown.partition(":")[0], line.partition(":")[0], f"the line shown for {error!r}")
        return
    under = caret.index("^")
    equal(shown[under:][:20], line[column - 1:][:20], f"what stands over the caret of {error!r}")
    if shown.startswith("..."):
        shown, line = shown[3:], line[-len(shown[3:]):]
    equal(shown, line, f"the line shown for {error!r}")


def check_located(output, path, places):
    """One error for each place, with the line and a caret under the column."""
    lines = output.split("\n")
    found = []
    for n, line in enumerate(lines):
        m = re.match(rf"(?:triagectl: )?{re.escape(path)}:(\d+):(\d+): (.+)", line)
        if not m:
            continue
        at = (int(m[1]), int(m[2]))
        found.append(at)
        check_shown(line, lines[n + 1], lines[n + 2], source_line(path, at[0]), at[1])
    equal(found, places, f"places of the errors in\n{output}\n")


def source_line(path, number):
    with open(path, encoding="utf-8") as f:
        return f.read().split("\n")[number - 1]


def run_triaged(*args):
    done = harness.run([harness.program("TRIAGED", "triaged"), *args])
    return done.returncode, done.stderr.decode()


def check_nothing_started(test):
    for name in ("state", "control.sock"):
        check(not os.path.exists(test.path(name)), f"{name} is there")


def a_bad_configuration(test):
    test.rules()
    text, places = take_marks(BAD_CONFIG.replace("{dir}", test.dir))
    path = test.write("triaged.yaml", text)
    for args in (["-t", "-c", path], ["-c", path]):
        code, errors = run_triaged(*args)
        equal(code, 2, f"exit code of triaged {args}: {errors}")
        check_located(errors, path, places)
        check("did you mean 'max_line'" in errors, "what max_lines might have meant:", errors)
        check("not-a-secret" not in errors.split("secret: ")[1], "the message repeats the secret")
        check_nothing_started(test)
    code, errors = run_triaged("-c", test.path("absent.yaml"))
    equal(code, 2, "exit code without a configuration")
    check("absent.yaml" in errors, errors)


def a_bad_rule_file(test):
    text, places = take_marks(BAD_RULES)
    equal(len(places), 5, "mistakes")
    rules = test.rules(text)
    path = os.path.join(rules, "test.yaml")
    config = test.config(test.path("auth.log"))
    for args in (["-t", "-c", config], ["-c", config]):
        code, errors = run_triaged(*args)
        equal(code, 2, f"exit code of triaged {args}: {errors}")
        check_located(errors, path, places)
    check_nothing_started(test)
    done = harness.run([harness.program("TRIAGECTL", "triagectl"), "rules", "test", rules])
    equal(done.returncode, 2, f"exit code of triagectl rules test: {done.stderr}")
    check_located(done.stderr.decode(), path, places)


def good_and(more):
    """RULES and another event rule, in their sections."""
    return harness.RULES.replace("\nincidents:\n", f"{more[0]}\nincidents:\n{more[1]}")


ACCEPTED = ("""
  - id: test.login-accepted
    title: Login
    class: access
    severity: info
    where: {program: sshd}
    match: '^Accepted \\S+ for (?<user_name>\\S+) from (?<source_ip>\\S+) port \\d+'
    tests:
      - line: 'Mar  1 12:00:00 alpha sshd[77]: Accepted password for root from 192.0.2.1 port 4000 ssh2'
        event: {user_name: root}
""", """
  - id: test-login
    title: 'Login from {source_ip}'
    on: [test.login-accepted]
    by: [source_ip]
    severity: medium
    criteria: nobody logs in here
""")


def accepted(address):
    return failed_login(address).replace(b"Failed", b"Accepted")


def try_reload(daemon, text, test):
    """Refused by triagectl and by the signal, and why."""
    test.rules(text)
    errors = daemon.ctl_fails(1, "reload")
    before = len(daemon.said())
    daemon.signal(signal.SIGHUP)
    wait(lambda: "the old rules keep working" in daemon.said()[before:], "the signal's outcome is logged")
    return errors, daemon.said()[before:]


def guess(test, address):
    test.append_lines("auth.log", [failed_login(address)] * 5)


def broken_rules_at_a_reload(test):
    test.rules()
    test.write("auth.log", b"")
    daemon = test.daemon(test.config(test.path("auth.log"))).start()
    version = daemon.ctl("status")["rules"]["hash"]
    bad, places = take_marks(BAD_RULES)
    failing = good_and(ACCEPTED).replace("event: {user_name: root}", "event: {user_name: toor}")

    errors, log = try_reload(daemon, bad, test)
    check_located(errors, test.path("rules/test.yaml"), places)
    check_located(log, test.path("rules/test.yaml"), places)
    guess(test, "192.0.2.1")
    wait_equal(lambda: [row[:2] for row in daemon.summary()], [("192.0.2.1", 5)], "by the old rules")

    errors, log = try_reload(daemon, failing, test)
    line = failing[:failing.index("event: {user_name: toor}")].count("\n")
    for text in (errors, log):
        m = re.search(r"/rules/test\.yaml:(\d+):\d+: .*test\.login-accepted.*", text)
        check(m and int(m[1]) in (line, line + 1) and "toor" in m[0], f"near line {line}:", text)
    test.append_lines("auth.log", [accepted("192.0.2.2")])
    guess(test, "192.0.2.3")
    wait_equal(lambda: [row[0] for row in daemon.summary()], ["192.0.2.1", "192.0.2.3"], "by the old rules")
    equal(daemon.ctl("status")["rules"]["hash"], version, "version of the rules")

    test.rules(good_and(ACCEPTED))
    daemon.ctl("reload")
    check(daemon.ctl("status")["rules"]["hash"] != version, "the version has not changed")
    test.append_lines("auth.log", [accepted("192.0.2.4")])
    wait_equal(lambda: [row[0] for row in daemon.summary()], ["192.0.2.1", "192.0.2.3", "192.0.2.4"],
               "by the new rules")
    test.rules()
    daemon.signal(signal.SIGHUP)
    wait_equal(lambda: daemon.ctl("status")["rules"]["hash"], version, "version after a good signal")


def a_broken_configuration_at_a_reload(test):
    test.rules()
    test.write("auth.log", b"")
    config = test.config(test.path("auth.log"))
    daemon = test.daemon(config).start()
    text = open(config, encoding="utf-8").read()
    test.write("triaged.yaml", text + "colour: blue\n")
    check("colour" in daemon.ctl_fails(1, "reload"), "what is wrong is told")
    guess(test, "192.0.2.1")
    wait_equal(lambda: [row[:2] for row in daemon.summary()], [("192.0.2.1", 5)], "by the old configuration")


def another_endpoint_by_a_reload(test):
    """Lines are written all the time; whoever is configured is told, nobody twice."""
    rng = harness.seeded()
    log = harness.attack_log(rng, 600)
    test.rules()
    test.write("auth.log", b"")
    hooks = [test.receiver(f"hook{n}").start() for n in range(2)]
    channels = [test.channel(hook, id="hook") for hook in hooks]
    daemon = test.daemon(test.config(test.path("auth.log"), channels[:1])).start()
    pieces = list(harness.pieces(rng, log, len(log) // 30))
    for n, piece in enumerate(pieces):
        test.append("auth.log", piece)
        if n in (len(pieces) // 4, len(pieces) // 2, 3 * len(pieces) // 4):
            channels.reverse()
            test.config(test.path("auth.log"), channels[:1])
            daemon.ctl("reload")
    expected = sorted(harness.model(log))
    wait_equal(lambda: sorted(daemon.summary_or_none() or []), expected, "incidents")
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    told = [ident for hook in hooks for ident, body in hook.messages("incident.opened").items()]
    equal(len(set(told)), len(expected), "incidents told of")
    equal(len(told), len(set(told)), "webhooks, none of them to both")

    for ip in ("192.0.2.1", "192.0.2.2"):
        channels.reverse()
        test.config(test.path("auth.log"), channels[:1])
        daemon.ctl("reload")
        guess(test, ip)
        hook = next(h for h in hooks if h.url == channels[0]["url"])
        wait(lambda: any(ip in body["data"]["incident"]["title"] for body in
                         hook.messages("incident.opened").values()),
             f"{hook.name}, which is configured now, hears of {ip}")
    equal(daemon.stop(), 0, "exit status")


def a_change_undone_while_it_is_under_way(test):
    """The daemon finishes what it is sending before it takes up a change; what counts
    is what was asked for last."""
    test.rules()
    test.write("auth.log", b"")
    slow = test.receiver("slow").start("--mode", "slow", "--fail-first", "1")
    other = test.receiver("other").start()
    files, channels = test.path("auth.log"), [test.channel(r, id="hook") for r in (slow, other)]
    daemon = test.daemon(test.config(files, channels[:1])).start()
    guess(test, "192.0.2.1")
    wait(slow.requests, "the endpoint that answers slowly is asked")
    test.config(files, channels[1:])
    daemon.ctl("reload")
    test.config(files, channels[:1])
    daemon.ctl("reload")
    guess(test, "192.0.2.2")
    slow.wait_message("incident.opened", 2)
    wait(daemon.outbox_is_empty, "the outbox is worked off")
    equal((len(slow.requests()), len(other.requests())), (2, 0), "requests to the two")


def senders_notice_no_change(test):
    """A connection stays open over changes that leave its address as it is, be it in
    the middle of a line."""
    port = harness.Port().number
    sources = [{"id": "net", "listen": [f"tcp://127.0.0.1:{port}"]}]
    test.rules()
    config = test.config([], sources=sources)
    daemon = test.daemon(config).start()
    sender = socket.create_connection(("127.0.0.1", port))
    text = b"".join(failed_login("192.0.2.1") + b"\n" for _ in range(5))
    for n, piece in enumerate((text[:len(text) // 2], text[len(text) // 2:-3], text[-3:])):
        sender.sendall(piece)
        test.config([], sources=sources, max_line=65536 + n)
        daemon.ctl("reload")
    wait_equal(lambda: [row[:2] for row in daemon.summary_or_none() or []], [("192.0.2.1", 5)],
               "the incident")
    [address] = daemon.ctl("sources")["addresses"]
    equal(address["connections"], 1, "connections, never closed")
    test.config([], sources=[dict(sources[0], listen=[f"udp://127.0.0.1:{port}"])])
    daemon.ctl("reload")
    equal(sender.recv(1), b"", "what the sender reads when its address is gone")
    sender.close()


harness.main(a_bad_configuration, a_bad_rule_file, broken_rules_at_a_reload,
             a_broken_configuration_at_a_reload, another_endpoint_by_a_reload,
             a_change_undone_while_it_is_under_way, senders_notice_no_change)
