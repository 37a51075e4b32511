#!/usr/bin/python3 -B
"""R11: syslog over a stream in both framings of RFC 6587, told apart frame by frame, cut
anywhere by the network.  What is counted is what a plain splitter of ours finds in the
same bytes: no frame more, none less, and no text within a frame becomes one.
"""

import re
import time

import fault
from fault import Ledger, check, equal, wait

HEADER = "<13>Jan  1 00:00:00 alpha app: "


def reference(data):
    """RFC 6587: digits, a blank and so many bytes that begin with a priority; anything
    else ends with a newline, or with the connection."""
    frames = []
    while data:
        m = re.match(rb"([1-9]\d{0,6}) (?=<\d{1,3}>)", data)
        if m:
            end = m.end() + int(m[1])
            frames.append(data[m.end():end])
            data = data[end:]
        else:
            frame, _, data = data.partition(b"\n")
            frames.append(frame)
    return frames


def counted(frame):
    """The number in a frame whose message is one of our lines."""
    m = re.match(rb"<\d+>\w{3} [ \d]\d [\d:]{8} alpha app: seq=(\d+) ", frame)
    return int(m[1]) if m else None


class Maker:
    """A stream of frames, with everything that could desynchronise a reader of them."""

    def __init__(self, rng, ledger):
        self.rng, self.ledger = rng, ledger

    def decoy(self):
        """Text in a frame that looks like a frame."""
        fake = f"{HEADER}seq=999999999 block=evil lane=evil".encode()
        return self.rng.choice((b"\n" + fake, b"\n%d " % len(fake) + fake, b"\r\n\r\n" + fake,
                                b" 12 ", b"\0" + fake, b"#012" + fake, b"\n9999999 x", b"\n"))

    def frame(self):
        text = f"{HEADER}{self.ledger.text(self.ledger.take(1)[0])} ".encode()
        text += b"p" * self.rng.choice((0, 0, 1, 7, 80, 900, 3000))
        if self.rng.random() < 0.5:
            if self.rng.random() < 0.3:
                text += self.decoy() + b"z" * self.rng.randint(0, 40)
            return b"%d " % len(text) + text
        return text + self.rng.choice((b"\n", b"\n", b"\r\n"))

    def stream(self, n):
        return b"".join(self.frame() for _ in range(n))


def pieces(rng, data):
    style = rng.choice((1, 3, 50, 1500, 1 << 20))
    while data:
        n = rng.randint(1, style)
        yield data[:n]
        data = data[n:]


def send(rng, address, data, slowly):
    sender = fault.StreamSender(address, None)
    sender.connect()
    sender.socket.setsockopt(fault.socket.IPPROTO_TCP, fault.socket.TCP_NODELAY, 1)
    for piece in pieces(rng, data):
        sender.socket.sendall(piece)
        if slowly and rng.random() < 0.02:
            time.sleep(0.001)
    finish(sender)


def finish(sender):
    """Until the other side has read all and closes too."""
    sender.socket.shutdown(fault.socket.SHUT_WR)
    check(sender.socket.recv(100) == b"", "nothing comes back")
    sender.close()


def begin(test, block=50):
    ledger = Ledger(block=block)
    port = fault.free_port()
    daemon = fault.start_case(test, sources=[fault.listener("net", f"tcp://127.0.0.1:{port}")])
    daemon.start()
    return daemon, ledger, ("127.0.0.1", port)


def any_cut(test, run):
    daemon, ledger, address = begin(test, run.either(50, 500))
    frames = 0
    for _ in range(run.either(60, 2000)):
        first = ledger.next
        data = Maker(run.rng, ledger).stream(run.rng.randint(1, 40))
        found = [seq for seq in map(counted, reference(data)) if seq is not None]
        equal(found, list(range(first, ledger.next)), "what the reference finds (a mistake of the test)")
        send(run.rng, address, data, slowly=True)
        frames += len(found)
    fault.settle_twice(run, daemon, ledger, what="all streams")
    check(not [inc for inc in daemon.incidents() if inc["key"].get("block.name") == "evil"],
          "text within a frame became a frame")
    run.add(frames=frames)


def every_cut(test, run):
    """The same frames, cut in two at every byte."""
    daemon, ledger, address = begin(test, run.either(200, 2000))
    cuts = range(1, run.either(400, 4000), run.either(7, 1))
    for at in cuts:
        stream = Maker(fault.random.Random(run.seed), ledger).stream(8)
        sender = fault.StreamSender(address, None)
        sender.connect()
        sender.socket.setsockopt(fault.socket.IPPROTO_TCP, fault.socket.TCP_NODELAY, 1)
        sender.socket.sendall(stream[:at])
        time.sleep(0.001)
        sender.socket.sendall(stream[at:])
        finish(sender)
    fault.settle(run, daemon, ledger, what="all cuts")
    run.add(cuts=len(cuts))
    daemon.end()


ENDLESS = b"9 <13>hello" + b"y" * 300000
NO_FRAMES = (b"99999999999999999999 x", b"4294967296 x", b"2000000000 x", b"0 ", b"00012 x" * 3,
             b"12345678901", b"9 <13>hello" + b"9999999 <13>" + b"y" * 300000, ENDLESS)


def malformed(test, run):
    """Counts that cannot be, and after a counted frame so many bytes without an end that
    they can be none: a gap is told, and other connections are not touched by it."""
    daemon, ledger, address = begin(test)
    good = fault.StreamSender(address, ledger)
    good.send(20)
    for bad in NO_FRAMES:
        sender = fault.StreamSender(address, None)
        sender.connect()
        sender.socket.settimeout(5)
        try:
            sender.socket.sendall(bad)
            sender.socket.shutdown(fault.socket.SHUT_WR)
            sender.socket.recv(10)
        except OSError:
            pass
        sender.close()
        good.send(5)
    wait(lambda: "malformed" in daemon.told(), "malformed frames are told", seconds=5)
    fault.settle_twice(run, daemon, ledger, what="beside malformed frames")
    check("malformed" in daemon.told(), "that is known after one more start")


def malformed_at_the_end(test, run):
    """What is lost in the last moment before a stop is told like any other."""
    daemon, ledger, address = begin(test)
    good = fault.StreamSender(address, ledger)
    good.send(5)
    fault.settle(run, daemon, ledger, what="before")
    sender = fault.StreamSender(address, None)
    sender.connect()
    try:
        sender.socket.sendall(ENDLESS)
        finish(sender)
    except OSError:
        pass  # closed with much of it unread
    daemon.end()
    daemon.start()
    wait(lambda: "malformed" in daemon.told(), "a loss just before the stop is told", seconds=5)


def without_end(test, run):
    """The connection ends within a frame: what came of it is a message, told or both."""
    daemon, ledger, address = begin(test)
    for _ in range(5):
        sender = fault.StreamSender(address, None)
        sender.connect()
        sender.socket.sendall(f"{HEADER}{ledger.text(ledger.take(1)[0])} and no newline".encode())
        sender.close()
    fault.settle(run, daemon, ledger, what="messages that the end of the connection ends")
    daemon.end()


fault.main(any_cut, every_cut, malformed, malformed_at_the_end, without_end)
