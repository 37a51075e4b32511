#!/usr/bin/python3 -B
"""R15: the disk with state and spool has no room, or Redis is away until the spool has
reached its size, while syslog comes in.  The daemon stays up and says so; connections
wait, so that nothing of them is lost; of datagrams, what is missing is what was told,
to the last one.  With room again it recovers by itself.
"""

import os
import time

import fault
from fault import Ledger, Load, Mount, check, equal, harness, wait

PAD = "x" * 900


class Scene:
    """Syslog by TCP and UDP, spool on a small disk, Redis elsewhere."""

    def __init__(self, test, run, size, spool_mib=8):
        self.run = run
        self.disk = Mount(test, "state").tmpfs(size)
        self.redis = harness.Redis(test)
        block = run.either(250, 4000)
        self.tcp, self.udp = Ledger(block=block, name="t"), Ledger(block=block, name="u")
        ports = [fault.free_port(), fault.free_port(fault.socket.SOCK_DGRAM)]
        self.stream = fault.StreamSender(("127.0.0.1", ports[0]), None)
        self.datagrams = fault.socket.socket(fault.socket.AF_INET, fault.socket.SOCK_DGRAM)
        self.datagrams.connect(("127.0.0.1", ports[1]))
        sources = [fault.listener("tcp", f"tcp://127.0.0.1:{ports[0]}", spool_mib=spool_mib),
                   fault.listener("udp", f"udp://127.0.0.1:{ports[1]}", spool_mib=spool_mib)]
        self.udp_port = ports[1]
        self.daemon = fault.start_case(test, sources=sources, redis={"url": f"unix://{self.redis.socket}"})
        self.waiting = b""

    def start(self):
        self.redis.start()
        self.daemon.start()
        self.stream.connect()
        self.stream.socket.setblocking(False)

    def send_datagrams(self):
        for message in self.udp.messages(20):
            self.datagrams.send(message + b" " + PAD.encode())

    def send_stream(self):
        """As much as it takes; the rest waits here, as in a syslog daemon's queue."""
        if len(self.waiting) < 1 << 20:
            self.waiting += b"".join(m + b" " + PAD.encode() + b"\n" for m in self.tcp.messages(20))
        try:
            self.waiting = self.waiting[self.stream.socket.send(self.waiting):]
        except BlockingIOError:
            pass

    def spool_size(self, ident):
        directory = os.path.join(self.disk.path, "spool", ident)
        return sum(entry.stat().st_size for entry in os.scandir(directory))

    def step(self):
        self.send_datagrams()
        self.send_stream()

    def finish_stream(self):
        self.stream.socket.settimeout(60)
        self.stream.socket.sendall(self.waiting)
        self.waiting = b""

    def is_all(self, counts):
        return sum(n for (kind, _), n in counts.items() if kind == "block") == self.tcp.next + self.udp.next

    def missing(self):
        """Of datagrams, once nothing moves any more; of the stream none may be."""
        counts = None

        def still():
            nonlocal counts
            before, counts = counts, self.daemon.counts()
            if counts is not None and self.is_all(counts):
                return True
            time.sleep(fault.QUIET / 2 * self.run.patience)
            return counts is not None and counts == before
        wait(still, "counts stand still", seconds=120)
        by = {name: sum(n for (kind, key), n in counts.items() if kind == "block" and key.startswith(name))
              for name in "tu"}
        stream, datagrams = self.tcp.next - by["t"], self.udp.next - by["u"]
        difference = fault.Difference(fault.expected_of((self.tcp, self.udp)), counts)
        equal(difference.doubled, 0, "messages that count twice")
        check(stream == 0, f"{stream} of {self.tcp.next} messages of the stream are missing,",
              f"{datagrams} of {self.udp.next} datagrams; told: {self.daemon.told()}; {difference}")
        return datagrams

    def told(self):
        """Messages that it says are lost."""
        return sum(row.get("messages", 0) for row in self.daemon.told().values())

    def check_told(self, what):
        missing = self.missing()
        self.run.add(datagrams_missing=missing, told=self.told())
        equal(self.told(), missing, f"{what}: datagrams told to be lost, and those that are missing")


def problems(daemon):
    return [a["problem"] for a in daemon.ctl("sources")["addresses"] if a["problem"]]


def says_full(daemon):
    said = daemon.said()
    return any(word in said for word in ("full", "No space", "no room", "spool"))


def flood(scene):
    """More datagrams than spool and socket hold together."""
    before = fault.kernel_drops(scene.udp_port)
    for _ in range(3000):
        if fault.kernel_drops(scene.udp_port) > before + 1000:
            return
        scene.send_datagrams()


def spool_full(test, run):
    """Its configured size, not the disk's."""
    scene = Scene(test, run, "64m")
    scene.start()
    load = Load(scene.step, rate=200)
    time.sleep(0.3)
    scene.redis.kill()
    time.sleep(run.either(6, 60))
    check(scene.daemon.runs(), "the daemon ended")
    load.stop()
    flood(scene)
    time.sleep(1)
    said = scene.daemon.said() + str(problems(scene.daemon))
    for ident in ("tcp", "udp"):
        held = scene.spool_size(ident)
        run.most(**{f"spool_of_{ident}_KiB": held >> 10})
        check(held <= 8 << 20, f"the spool of {ident} holds {held >> 10} KiB, of 8 MiB")
    scene.redis.start()
    wait(scene.daemon.redis_is_ready, "Redis is back")
    scene.finish_stream()
    scene.check_told("after the spool was full")
    check("spool" in said or "full" in said, "nothing was said of a full spool while it was, after",
          scene.tcp.next, "and", scene.udp.next, "messages of 1 KB:", said)
    scene.daemon.end()


def no_space(test, run):
    scene = Scene(test, run, "24m")
    scene.start()
    load = Load(scene.step, rate=50)
    for _ in range(run.either(2, 20)):
        time.sleep(0.5)
        scene.disk.fill()
        time.sleep(run.either(3, 10))
        check(scene.daemon.runs(), "the daemon ended")
        scene.disk.relieve()
        time.sleep(run.either(2, 5))
    load.stop()
    check(says_full(scene.daemon), "nothing is said of a full disk:", scene.daemon.said())
    scene.finish_stream()
    scene.check_told("after the disk was full")
    equal(problems(scene.daemon), [], "problems of addresses after it has recovered")
    scene.daemon.end()


def no_space_and_no_redis(test, run):
    scene = Scene(test, run, "24m")
    scene.start()
    load = Load(scene.step, rate=50)
    time.sleep(0.3)
    scene.redis.kill()
    scene.disk.fill()
    time.sleep(run.either(3, 60))
    check(scene.daemon.runs(), "the daemon ended")
    scene.redis.start()
    time.sleep(0.5)
    scene.disk.relieve()
    time.sleep(1)
    load.stop()
    scene.finish_stream()
    scene.check_told("after both")
    scene.daemon.end()


def starts_on_a_full_disk(test, run):
    """It may refuse to start, saying why; it may not fall over; with room it starts."""
    scene = Scene(test, run, "24m")
    scene.start()
    scene.step()
    time.sleep(0.5)
    scene.daemon.end()
    scene.stream.close()
    scene.disk.fill()
    scene.daemon.start(ready=False)
    time.sleep(1)
    if not scene.daemon.runs():
        check(scene.daemon.popen.poll() in (1, 2), "it ended with", scene.daemon.popen.poll())
        check(says_full(scene.daemon), "it does not say why:", scene.daemon.said())
        scene.disk.relieve()
        scene.daemon.start()
    else:
        scene.disk.relieve()
        scene.daemon.wait_ready()
    scene.stream.connect()
    scene.stream.socket.setblocking(False)
    scene.step()
    scene.finish_stream()
    scene.check_told("after a start without room")
    scene.daemon.end()


fault.main(spool_full, no_space, no_space_and_no_redis, starts_on_a_full_disk)
