#!/usr/bin/python3 -B
"""More sources than one batch may have, and a Redis that is slow: while a batch is on its way
the next one is gathered, and then the daemon reads no further.
"""

import re
import select
import socket
import threading
import time

import harness
from harness import check, equal, wait

SOURCES = 200000


class Slow(threading.Thread):
    """Between daemon and Redis: while it holds, answers wait here."""

    def __init__(self, path, redis):
        super().__init__(daemon=True)
        self.redis = redis
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.pairs = []  # [daemon, Redis, answers that wait]
        self.asked = b""
        self.holds = False
        self.lock = threading.Lock()

    def run(self):
        while True:
            ready, _, _ = select.select([self.listener, *(s for p in self.pairs for s in p[:2])], [], [])
            with self.lock:
                self.turn(ready)

    def turn(self, ready):
        if self.listener in ready:
            behind = socket.socket(socket.AF_UNIX)
            behind.connect(self.redis)
            self.pairs.append([self.listener.accept()[0], behind, b""])
        for pair in self.pairs[:]:
            if not self.pass_on(pair, ready):
                self.pairs.remove(pair)
                pair[0].close()
                pair[1].close()

    def pass_on(self, pair, ready):
        """False: one end was closed."""
        daemon, redis, _ = pair
        try:
            if redis in ready:
                answer = redis.recv(1 << 16)
                pair[2] += answer
                if not answer:
                    return False
                self.flush()
            question = daemon.recv(1 << 16) if daemon in ready else None
            if question:
                self.asked += question
                redis.sendall(question)
            return question != b""
        except OSError:
            return False

    def flush(self):
        for pair in self.pairs if not self.holds else []:
            pair[0].sendall(pair[2])
            pair[2] = b""

    def hold(self, on):
        with self.lock:
            self.holds = on
            self.flush()

    def has_answer(self):
        with self.lock:
            return any(pair[2] for pair in self.pairs)

    def sources_sent(self):
        """In whole commits: each is checked, and written."""
        with self.lock:
            whole = self.asked[:self.asked.rfind(b"\r\nEXEC\r\n") + 1]
        return len(re.findall(rb":10\.\d+\.\d+\.\d+\r\n", whole)) // 2

    def pass_one(self):
        """Answers that wait, and none after them."""
        with self.lock:
            self.holds = False
            self.flush()
            self.holds = True


def bytes_read(daemon):
    with open(f"/proc/{daemon.pid}/io", encoding="ascii") as f:
        return int(f.readline().split()[1])


def read_until_it_pauses(daemon, slow, before):
    """Bytes that were read when a commit with sources is on its way, and nothing is read any more."""
    def pauses():
        if not slow.sources_sent():
            slow.pass_one()
        earlier = bytes_read(daemon)
        time.sleep(0.3)
        now = bytes_read(daemon)
        return now - before if now - earlier < 4096 and slow.sources_sent() else None
    return wait(pauses, "a pause")


def sources(redis):
    with harness.Client(redis.socket) as client:
        return sum(client("HLEN", key) for key in client("KEYS", "triaged:{t:0}:g:*"))


def story(test):
    test.rules(harness.RULES.replace("count: 5\n", "count: 5\n    groups: 1000000\n"))
    redis = harness.Redis(test).start()
    slow = Slow(test.path("slow.sock"), redis.socket)
    slow.start()
    config = test.config([test.path("auth.log")], redis={"url": f"unix://{test.path('slow.sock')}"})
    daemon = test.daemon(config).start()
    lines = [harness.failed_login(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}") for i in range(SOURCES)]
    slow.hold(True)
    test.append_lines("auth.log", [harness.failed_login("192.0.2.1")])
    wait(slow.has_answer, "the first commit")
    slow.pass_one()  # for a moment no other commit goes, unless it is a full one
    before = bytes_read(daemon)
    test.append_lines("auth.log", lines)
    read = read_until_it_pauses(daemon, slow, before)
    check(read < sum(map(len, lines)), "all was read, and nothing committed")
    sent = slow.sources_sent()
    check(sent < 0.7 * read / len(lines[0]), "it read on after", sent, "sources;", read, "bytes")
    slow.hold(False)
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(daemon.stop(), 0, "exit status")
    equal(sources(redis), SOURCES + 1, "sources")


harness.main(story)
