#!/usr/bin/python3 -B
"""R10: syslog by UDP.  At a moderate rate every datagram counts.  While the daemon is
frozen the kernel drops; then lines sent are lines counted plus drops told, to the last
one, and the kernel's own count for the socket says the same.

Long: 250,000 messages a second with a thousand more rules.
"""

import signal
import socket
import subprocess
import time

import fault
from fault import Ledger, check, equal, harness, wait

HEADER = "<13>Jan  1 00:00:00 alpha app:"


def begin(test, run, block, rules=None):
    ledger = Ledger(block=block)
    port = fault.free_port(socket.SOCK_DGRAM)
    daemon = fault.start_case(test, sources=[fault.listener("net", f"udp://127.0.0.1:{port}")])
    if rules:
        test.write("rules/many.yaml", rules)
    daemon.start()
    wait(lambda: fault.kernel_drops(port) is not None, "the port is open")
    return daemon, ledger, port, fault.build_c(test, "send.c")


def send(program, port, ledger, count, rate):
    numbers = ledger.take(count)
    done = subprocess.run([program, str(port), str(numbers.start), str(count), str(rate),
                           str(ledger.block), str(ledger.lanes), ledger.name, f"{HEADER}"],
                          capture_output=True, check=True, text=True)
    sent, took = done.stdout.split()
    equal(int(sent), count, "messages that the kernel took")
    return count / float(took)


def flood(program, port, ledger, more):
    """Until the socket is full, and some more."""
    before = fault.kernel_drops(port)
    for _ in range(100):
        if fault.kernel_drops(port) > before:
            send(program, port, ledger, more, 200000)
            return
        send(program, port, ledger, 4000, 200000)
    raise fault.Failure("400,000 datagrams do not fill a socket that nobody reads")


def told_dropped(daemon):
    return daemon.told().get("dropped", {}).get("messages", 0)


def many_rules(n):
    """As many as a site has; none is ours, and none has a literal of our lines."""
    rows = ["events:"]
    for i in range(n):
        rows += [f"  - id: many.r{i}", f"    title: Rule {i}", "    class: unauthorized-access",
                 "    severity: low",
                 f"    match: '^unit{i:04d}-[a-z]+: (?:denied|failed) for (?<user_name>\\S+) from (?<source_ip>\\S+)'",
                 "    tests:",
                 f"      - line: 'Jan  1 00:00:00 alpha app: unit{i:04d}-x: denied for u from 192.0.2.1'",
                 "        event: {user_name: u, source_ip: 192.0.2.1}",
                 f"      - line: 'Jan  1 00:00:00 alpha app: unit{i:04d}: denied'",
                 "        event: none"]
    return "\n".join(rows) + "\n"


def without_loss(test, run):
    """The rate is what is asked of the machine; that nothing is lost is of the daemon."""
    seconds, rate, rules = run.either((2, 10000, 50), (20, 250000, 1000))
    count = seconds * rate
    daemon, ledger, port, program = begin(test, run, max(100, count // 500), many_rules(rules))
    reached = send(program, port, ledger, count, rate)
    dropped = fault.kernel_drops(port)
    if dropped and not run.long:
        # A busy machine, not the daemon: then it must at least be exact.
        fault.settle(run, daemon, ledger, allow_lost=dropped, what="with drops")
    else:
        fault.settle(run, daemon, ledger, what="at a moderate rate")
    run.most(messages_per_second=reached)
    run.add(kernel_dropped=dropped)
    daemon.end()


def drops_are_exact(test, run):
    daemon, ledger, port, program = begin(test, run, run.either(2000, 20000))
    total = 0
    for n in range(run.either(3, 30)):
        send(program, port, ledger, 500, 20000)
        daemon.signal(signal.SIGSTOP)
        flood(program, port, ledger, run.rng.randint(100, 5000))
        daemon.signal(signal.SIGCONT)
        time.sleep(0.3)
        send(program, port, ledger, 500, 20000)
        total = fault.kernel_drops(port)
        lost = fault.settle(run, daemon, ledger, allow_lost=total, what=f"flood {n}", seconds=60)
        equal(lost, total, f"after flood {n}, lines missing and lines that the kernel dropped")
        harness.wait_equal(lambda: told_dropped(daemon), total, "drops that are told")
    run.add(told_dropped=total)
    daemon.end()
    daemon.start()
    equal(told_dropped(daemon), total, "drops told after one more start")
    lost = fault.settle(run, daemon, ledger, allow_lost=total, what="after one more start")
    equal(lost, total, "lines missing after one more start")
    check("dropped" in fault.reasons_told(daemon.incidents()).get("net", ()), "an event tells of drops")


def kill_with_full_socket(test, run):
    """Killed in the flood: what it had not read is the kernel's to lose; nothing doubles."""
    daemon, ledger, port, program = begin(test, run, 2000)
    for _ in range(run.either(2, 20)):
        send(program, port, ledger, 3000, 30000)
        daemon.kill()
        daemon.start()
        wait(lambda: fault.kernel_drops(port) is not None, "the port is open again")
    send(program, port, ledger, 1000, 10000)
    time.sleep(0.5)
    difference = daemon.difference(ledger)
    equal(difference.doubled, 0, "lines counted twice")
    run.add(lost_in_sockets_of_the_killed=difference.lost)


fault.main(without_loss, drops_are_exact, kill_with_full_socket)
