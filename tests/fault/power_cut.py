#!/usr/bin/python3 -B
"""R3: the power is cut.  State and spool are on a file system of their own in an image;
everything is frozen, the image as the disk has it is copied, and a second daemon goes
on from the copy.  What the first had shown before that moment, and all lines of the log
file, are there, once.
"""

import os
import shutil
import signal
import subprocess
import time

import fault
from fault import Ledger, Load, Log, Mount, check, harness, wait


class Scene:
    def __init__(self, test, run):
        self.test, self.run = test, run
        self.image = fault.make_ext4(test, "disk.img", 192)
        self.disk = Mount(test, "disk").image(self.image)
        self.ledger = Ledger(block=run.either(100, 2000))
        self.sent = Ledger(block=run.either(100, 2000), name="n")
        self.log = Log(test.path("app.log"), self.ledger)
        self.port = fault.free_port()
        self.sender = fault.StreamSender(("127.0.0.1", self.port), self.sent)
        self.daemon = self.make("first", self.disk.path, self.port)

    def make(self, name, disk, port):
        sources = [{"id": "log", "files": [self.log.path], "start": "beginning"},
                   fault.listener("net", f"tcp://127.0.0.1:{port}")]
        return fault.start_case(self.test, sources=sources, name=name,
                                state_dir=os.path.join(disk, "state"),
                                control_socket=self.test.path(f"{name}.sock"))

    def step(self):
        self.log.write(self.run.rng.randint(5, 60))
        self.sender.send(self.run.rng.randint(5, 60))

    def freeze(self):
        """Nothing of ours runs; then copy what the disk holds."""
        pids = [self.daemon.pid, *harness.children(self.daemon.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        copy = self.test.path("cut.img")
        subprocess.run(["cp", "--sparse=always", self.image, copy], check=True)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        return copy


def least(seen, counts, sent):
    """By block and lane: not less than was shown, not more than was sent."""
    short = {k: (counts.get(k, 0), n) for k, n in seen.items() if counts.get(k, 0) < n}
    over = {k: (n, sent.get(k, 0)) for k, n in counts.items()
            if k[1].startswith("n") and n > sent.get(k, 0)}
    return short, over


def after_the_cut(scene, run, n):
    load = Load(scene.step, rate=100)
    time.sleep(run.rng.uniform(0.05, 0.8))
    seen = wait(scene.daemon.counts, "counts before the cut")
    time.sleep(run.rng.uniform(0, 0.01))
    copy = scene.freeze()
    load.stop()
    sent = scene.sent.expected()
    second_disk = Mount(scene.test, f"cut{n}").image(copy)
    second = scene.make(f"second{n}", second_disk.path, fault.free_port())
    second.start()
    shown = sum(v for k, v in seen.items() if k[0] == "block")
    fault.settle(run, second, scene.ledger, what=f"cut {n}, lines of the file")
    time.sleep(0.3)
    short, over = least(seen, second.counts(), sent)
    check(not short, f"cut {n}: acknowledged and gone: {short}")
    check(not over, f"cut {n}: more than was sent: {over}")
    run.add(cuts=1, acknowledged=shown)
    second.end()
    second_disk.unmount()
    shutil.rmtree(second_disk.path, ignore_errors=True)
    os.unlink(copy)


def cuts(test, run):
    scene = Scene(test, run)
    scene.daemon.start()
    for n in range(run.either(5, 200)):
        after_the_cut(scene, run, n)
        if n % 20 == 19:
            fault.settle(run, scene.daemon, scene.ledger, scene.sent, what="the first one")
    fault.settle(run, scene.daemon, scene.ledger, scene.sent, what="the first one, which was only frozen")
    scene.daemon.end()


fault.main(cuts)
