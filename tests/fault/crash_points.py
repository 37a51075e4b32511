#!/usr/bin/python3 -B
"""R2: the daemon dies at every named point of its code, at the first, second, ... time
that it comes there, under load from a file that is rotated, from sockets and a FIFO, with
webhooks on their way.  It is started again, and goes on: no line of the file is lost or
counted twice, nothing that was in the spool either; incidents and their numbers are those
of an undisturbed run, and each is told.

Needs a build with configure --enable-crash-points; CRASH_TRIAGED is its triaged.
"""

import glob
import os
import signal
import socket
import time

import fault
from fault import Ledger, Log, Skip, check, equal, wait

DIED = 137  # the status of a crash point
STEPS = 12


def crash_program():
    path = os.environ.get("CRASH_TRIAGED")
    if not path or not os.access(path, os.X_OK):
        raise Skip("no build with crash points; CRASH_TRIAGED names one")
    return path


class Senders:
    """Sends by TCP, unix datagram and FIFO, and knows from the spool's files, read with
    its own eyes, which of the messages were there."""

    def __init__(self, test, port):
        self.test = test
        self.ledger = Ledger(block=20, name="n")
        self.tcp = fault.StreamSender(("127.0.0.1", port), self.ledger)
        self.state = test.path("state")
        self.seen = set()
        self.sent = set()

    def send(self):
        """Whatever cannot be sent, since nobody listens, was never sent."""
        for way in (self.by_tcp, self.by_datagram, self.by_fifo):
            first = self.ledger.next
            try:
                way()
                self.sent.update(range(first, self.ledger.next))
            except OSError:
                self.tcp.close()
                # Some of it may have arrived.
                self.sent.update(range(first, self.ledger.next))

    def by_tcp(self):
        self.tcp.send(4)

    def by_datagram(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(self.test.path("gram.sock"))
            for message in self.ledger.messages(3):
                s.send(message)

    def by_fifo(self):
        fd = os.open(self.test.path("fifo"), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fd, b"".join(m + b"\n" for m in self.ledger.messages(3)))
        finally:
            os.close(fd)

    def look(self):
        """The numbers of the messages that are in files below the state directory now."""
        for path in glob.glob(os.path.join(self.state, "**"), recursive=True):
            if "/redis/" in path or not os.path.isfile(path):
                continue
            try:
                with open(path, "rb") as f:
                    data = f.read()
            except FileNotFoundError:
                continue
            whole = data[:data.rfind(b"\n") + 1]
            self.seen.update(int(part.split(b" ")[0]) for part in whole.split(b"seq=")[1:])

    def check_counts(self, counts):
        """All that was seen in the spool counts; nothing counts twice; block by block."""
        for kind in ("block", "lane"):
            least, most = {}, {}
            for into, numbers in ((least, self.seen), (most, self.sent)):
                for seq in numbers:
                    key = self.ledger.keys(seq)[0 if kind == "block" else 1]
                    into[key] = into.get(key, 0) + 1
            lost = {k[1]: (counts.get(k, 0), n) for k, n in least.items() if counts.get(k, 0) < n}
            more = {k[1]: (n, most.get(k, 0)) for k, n in counts.items()
                    if k[0] == kind and k[1].startswith("n") and n > most.get(k, 0)}
            check(not lost, f"messages of the spool that do not count, by {kind}: {lost}")
            check(not more, f"messages that count more than once, by {kind}: {more}")


class Scene:
    """Everything that a run does, in steps; the daemon may die in any."""

    def __init__(self, test, run, **environment):
        self.run = run
        self.ledger = Ledger(block=20, lanes=20)
        self.log = Log(test.path("app.log"), self.ledger)
        self.hook = test.receiver().start()
        port = fault.free_port()
        self.senders = Senders(test, port)
        os.mkfifo(test.path("fifo"))
        self.fifo = os.open(test.path("fifo"), os.O_RDWR)  # its bytes outlive its readers
        sources = [{"id": "log", "files": [test.path("app.log")], "start": "beginning"},
                   fault.listener("net", f"tcp://127.0.0.1:{port}", f"unixgram://{test.path('gram.sock')}",
                                  f"fifo://{test.path('fifo')}")]
        self.daemon = fault.start_case(test, sources=sources, channels=[test.channel(self.hook)])
        self.daemon.program = crash_program()
        self.daemon.environment = environment
        self.deaths = 0

    def alive(self):
        """Start it again, undisturbed, when it has died as it was told to."""
        if not self.daemon.runs():
            self.died()
            self.daemon.start(ready=False)

    def died(self):
        equal(self.daemon.popen.poll(), DIED, "how the daemon ended")
        self.deaths += 1
        self.senders.look()
        self.daemon.environment = {}

    def until(self, condition, seconds):
        """Until it is true, or the daemon has died, or time is up: what follows says."""
        deadline = time.monotonic() + seconds
        while self.daemon.runs() and time.monotonic() < deadline and not condition():
            self.senders.look()
            time.sleep(0.01)
        self.alive()

    def is_counted(self):
        counts = self.daemon.counts()
        return counts is not None and all(counts.get(k, 0) == n for k, n in self.ledger.expected().items())

    def stopped(self):
        """Stop it.  False when it died before, or on the way out; one that was started
        a moment ago may be stopped before it has begun anything."""
        if self.daemon.runs():
            self.daemon.popen.terminate()
            self.daemon.wait_exit(30)
        return self.daemon.popen.poll() in (0, -signal.SIGTERM)

    def rotate_while_stopped(self):
        """Which takes it to the points of looking for what has moved."""
        if not self.stopped():
            self.died()
        for how in (None, "gzip"):
            self.log.write(9)
            self.log.rotate(compress=how)
        self.daemon.start(ready=False)

    def play(self):
        self.daemon.start(ready=False)
        self.until(self.daemon.has_committed, 10)
        for n in range(STEPS):
            self.log.write(9)
            self.senders.send()
            if n in (3, 6, 9):
                self.until(self.daemon.has_committed, 10)
                self.log.rotate(compress="gzip" if n == 9 else None)
            if n == 5:
                self.daemon.ask("reload")
            if n == 7:
                self.daemon.ask("ack", id="INC-1", message="seen")
            if n == 8:
                self.rotate_while_stopped()
            if n == 10:
                self.until(self.is_counted, 3)  # so the file is known
                self.log.write(9)
                self.log.copytruncate()
            self.until(lambda: False, 0.04)
        self.until(self.is_counted, 3)
        if not self.stopped():  # the points on the way out
            self.alive()
        else:
            self.daemon.environment = {}
            self.daemon.start(ready=False)

    def check(self, what):
        fault.settle(self.run, self.daemon, self.ledger, what=what)
        self.senders.look()
        wait(lambda: self.told_all(), f"{what}: each incident is told")
        found = self.daemon.incidents()
        equal(sorted(inc["number"] for inc in found), list(range(1, len(found) + 1)), f"{what}: numbers")
        blocks = [inc["key"]["block.name"] for inc in sorted(found, key=lambda inc: inc["number"])
                  if inc["key"].get("block.name", "n").startswith("b")]
        self.senders.check_counts(fault.counts_of(found))
        self.daemon.end()
        return blocks

    def told_all(self):
        opened = [body["data"]["incident"]["id"] for body in self.hook.messages("incident.opened").values()]
        return sorted(opened) == sorted(inc["id"] for inc in self.daemon.incidents())

    def close(self):
        os.close(self.fifo)
        self.log.close()
        self.senders.tcp.close()


def one_run(run, what, **environment):
    """In a directory of its own."""
    test = fault.FaultTest()
    try:
        scene = Scene(test, run, **environment)
        scene.play()
        blocks = scene.check(what)
        scene.close()
        return scene.deaths, blocks
    except Exception:
        test.print_logs()
        raise
    finally:
        test.clean_up()


def learn(run, test):
    names = test.path("names")
    _, blocks = one_run(run, "undisturbed", TRIAGED_CRASH_LIST=names)
    with open(names, encoding="ascii") as f:
        return sorted(set(f.read().split())), blocks


def every_point(test, run):
    crash_program()
    names, undisturbed = learn(run, test)
    print(f"points: {' '.join(names)}", flush=True)
    deaths, failures, spared = 0, [], []
    for name in names:
        for n in range(1, run.either(1, 25) + 1):
            try:
                died, blocks = one_run(run, f"{name}:{n}", TRIAGED_CRASH_AT=f"{name}:{n}")
                equal(blocks, undisturbed, f"{name}:{n}: incidents of the file, in their order")
            except fault.TooLong:
                raise
            except fault.Failure as failure:
                failures.append(f"{name}:{n}: {failure}")
                print(f"FAILED at {failures[-1]}", flush=True)
                continue
            deaths += died
            if not died:  # it does not come here that often
                spared += [name] if n == 1 else []
                break
    run.add(points=len(names), deaths=deaths)
    check(len(spared) <= len(names) // 4, "points where it did not die:", spared)
    check(not failures, f"{len(failures)} failed:", "\n".join(failures))


fault.main(every_point)
