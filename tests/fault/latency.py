#!/usr/bin/python3 -B
"""How long from the write() of a line to its event, on an idle machine: until the event
leaves the daemon for Redis (seen by a relay between the two), and until the webhook of
its incident arrives.  Prints median and 99th percentile; only that lines arrive is tested.
"""

import os
import re
import socket
import statistics
import threading
import time

import fault
from fault import Ledger, Log, check, harness, wait

MARK = re.compile(rb"lineid(\d+)x")


class Times:
    """When each line's mark was first seen."""

    def __init__(self):
        self.seen = {}

    def look(self, data):
        now = time.perf_counter()
        for m in MARK.finditer(data):
            self.seen.setdefault(int(m[1]), now)


class Relay(threading.Thread):
    """Between the daemon and its Redis; passes on what it reads, and notes marks."""

    def __init__(self, path, target, times):
        super().__init__(daemon=True)
        self.target, self.times = target, times
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        self.start()

    def run(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.target)
            for source, target, looks in ((near, far, True), (far, near, False)):
                threading.Thread(target=self.pump, args=(source, target, looks), daemon=True).start()

    def pump(self, source, target, looks):
        while True:
            try:
                data = source.recv(1 << 16)
                if looks:
                    self.times.look(data)
                target.sendall(data)
            except OSError:
                return
            if not data:
                return


class Hook(threading.Thread):
    """The plainest receiver there can be."""

    def __init__(self, times):
        super().__init__(daemon=True)
        self.times = times
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        data = b""
        while more := connection.recv(1 << 16):
            data += more
            head, blank, body = data.partition(b"\r\n\r\n")
            m = re.search(rb"(?i)content-length: *(\d+)", head)
            if blank and m and len(body) >= int(m[1]):
                self.times.look(body)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                data = body[int(m[1]):]


def figures(run, name, written, seen):
    took = sorted((seen[n] - written[n]) * 1000 for n in written)
    run.sums[f"append_to_{name}_median_ms"] = statistics.median(took)
    run.sums[f"append_to_{name}_p99_ms"] = took[int(len(took) * 0.99)]


def idle(test, run):
    ledger = Ledger(block=1)
    log = Log(test.path("app.log"), ledger)
    events, hooks, written = Times(), Times(), {}
    redis = harness.Redis(test).start()
    Relay(test.path("relay.sock"), redis.socket, events)
    hook = Hook(hooks)
    channel = {"id": "hook", "type": "webhook", "url": hook.url, "insecure": True}
    rules = fault.RULES.split("  - id: fault-lane")[0]
    daemon = fault.start_case(test, log.path, channels=[channel],
                              redis={"url": f"unix://{test.path('relay.sock')}"})
    test.write("rules/test.yaml", rules)
    daemon.start()
    for n in range(run.either(150, 5000)):
        time.sleep(run.rng.uniform(0.01, 0.03))
        written[n] = time.perf_counter()
        log.put(f"seq={n} block=lineid{n}x lane=g0\n".encode())
    wait(lambda: len(hooks.seen) >= len(written), "all webhooks are there")
    check(len(events.seen) == len(written), "all events were seen on their way to Redis")
    figures(run, "event", written, events.seen)
    figures(run, "webhook", written, hooks.seen)
    daemon.end()


fault.main(idle)
