"""What the fault tests share, on top of the scenario harness: lines that prove by
themselves whether they were counted, writers that make load, the daemon with things
done to it, disks that fill up or lose power, and a main() with a short and a long mode.

The oracle.  Each line has a number of its own and belongs to a block of consecutive
lines and to a lane (its number modulo LANES).  Two incident rules count by block and by
lane from the first line on, so the count of the incident "b17" must be the number of
lines that were written for b17: less is lost, more is doubled.  A line lost and another
doubled cancel only if they agree in block and lane, and no two lines of one block of
up to LANES lines do.  A ledger knows what was written; it never asks the daemon.
"""

import argparse
import ctypes
import datetime
import gzip
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../scenarios"))

import harness  # noqa: E402
from harness import Failure, Skip, check, equal, wait  # noqa: E402,F401

HERE = os.path.dirname(os.path.abspath(__file__))
SHORT_LIMIT = 150        # seconds for one case
LONG_LIMIT = 6 * 3600
QUIET = 6                # seconds without progress after which what is missing is lost
LATER = 0.3              # seconds in which a doubled line may still come
LISTED = 1000            # incidents that the daemon lists, and so blocks and lanes in all

RULES = r"""
events:
  - id: fault.line
    title: A line of the test
    class: unauthorized-access
    severity: low
    match: '^seq=\d+ block=(?<block_name>\w+) lane=(?<lane_name>\w+)'
    tests:
      - line: 'seq=12 block=b0 lane=g12'
        event: {block_name: b0, lane_name: g12}
      - line: 'seq=12 lane=g12'
        event: none

incidents:
  - id: fault-block
    title: 'Block {block_name}'
    on: [fault.line]
    by: [block_name]
    count: 1
    rearm: 90d
    severity: low
    criteria: every line counts

  - id: fault-lane
    title: 'Lane {lane_name}'
    on: [fault.line]
    by: [lane_name]
    count: 1
    rearm: 90d
    severity: low
    criteria: every line counts

  - id: fault-told
    title: 'Told: {log_source} {event_reason}'
    on: [triaged.gap, triaged.source]
    by: [log_source, event_reason]
    count: 1
    severity: low
    criteria: what the daemon says about itself
"""


class TooLong(Failure):
    """Of the whole case: not to be taken for the failure of one of its parts."""


def end_early(signo, frame):
    raise TooLong(f"ended by signal {signo}" if signo != signal.SIGALRM
                  else f"takes longer than {harness.HARD_LIMIT} s")


# ---- the ledger ----------------------------------------------------------------

class Difference:
    """How the counts of one moment differ from what was written."""

    def __init__(self, expected, got):
        rows = [(kind, name, n, got.get((kind, name), 0)) for (kind, name), n in expected.items()]
        rows += [(kind, name, 0, n) for (kind, name), n in got.items()
                 if (kind, name) not in expected]
        self.short = [row for row in rows if row[3] < row[2]]
        self.over = [row for row in rows if row[3] > row[2]]
        self.lost = self.most(self.short)
        self.doubled = self.most(self.over)
        self.got = sum(n for (kind, _), n in got.items() if kind == "block")

    @staticmethod
    def most(rows):
        """Blocks and lanes each see them; where they disagree the larger is true."""
        return max(sum(abs(n - m) for k, _, n, m in rows if k == kind) for kind in ("block", "lane"))

    def __bool__(self):
        return bool(self.short or self.over)

    def __str__(self):
        def text(rows):
            shown = [f"{name} {got} of {n}" for kind, name, n, got in rows if kind == "block"]
            return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
        return (f"lost {self.lost}, doubled {self.doubled}\n"
                f"  blocks with less than was written: {text(self.short) or 'none'}\n"
                f"  blocks with more than was written: {text(self.over) or 'none'}")


class Ledger:
    """Hands out lines, and knows what must have been counted of them."""

    def __init__(self, block=100, lanes=100, name="b"):
        """A letter tells ledgers of one test apart."""
        self.block, self.lanes, self.name = block, lanes, name
        self.next = 0
        self.lock = threading.Lock()

    def text(self, seq):
        return f"seq={seq} block={self.name}{seq // self.block} lane={self.name}g{seq % self.lanes}"

    def take(self, n):
        """The numbers of n lines that are about to be written."""
        with self.lock:
            first = self.next
            self.next += n
        check(self.next // self.block + 1 + self.lanes <= LISTED - 50, "too many blocks for one list")
        return range(first, first + n)

    def lines(self, n, pad=""):
        """n lines, with newlines."""
        return "".join([self.text(seq) + pad + "\n" for seq in self.take(n)]).encode()

    def messages(self, n, head="<13>"):
        """n syslog messages, a list."""
        return [f"{head}{syslog_header()} {self.text(seq)}".encode() for seq in self.take(n)]

    def expected(self):
        counts = {}
        with self.lock:
            n = self.next
        for first in range(0, n, self.block):
            counts[self.keys(first)[0]] = min(self.block, n - first)
        for lane in range(min(n, self.lanes)):
            counts[self.keys(lane)[1]] = (n - lane + self.lanes - 1) // self.lanes
        return counts

    def keys(self, seq):
        return (("block", f"{self.name}{seq // self.block}"), ("lane", f"{self.name}g{seq % self.lanes}"))

    def order(self):
        """The blocks in the order of their first lines."""
        return [f"{self.name}{n}" for n in range((self.next + self.block - 1) // self.block)]


def syslog_header():
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{now:%b} {now.day:2} {now:%H:%M:%S} alpha app:"


def numbers_in(data):
    """The numbers of the whole lines in some bytes: what a file holds."""
    found = []
    for line in data.split(b"\n")[:-1]:
        if line.startswith(b"seq="):
            found.append(int(line[4:line.index(b" ")]))
    return found


def expected_of(ledgers):
    total = {}
    for ledger in ledgers:
        total.update(ledger.expected())
    return total


def counts_of(incidents):
    """(kind, name) -> count, over all incidents of that key."""
    counts = {}
    for inc in incidents:
        for kind in ("block", "lane"):
            if inc["rule"] == f"fault-{kind}":
                key = (kind, inc["key"][f"{kind}.name"])
                counts[key] = counts.get(key, 0) + inc["count"]
    return counts


def reasons_told(incidents):
    """source -> reasons that incidents about the daemon itself name."""
    told = {}
    for inc in incidents:
        if inc["rule"] == "fault-told":
            told.setdefault(inc["key"]["log.source"], set()).add(inc["key"]["event.reason"])
    return told


# ---- the daemon ------------------------------------------------------------------

class Daemon(harness.Daemon):
    """The daemon, and what it says about counts."""

    def ask(self, command, **members):
        """Straight at the control socket: where a process for each question is too slow.
        None when nobody answers or the answer is an error."""
        request = harness.json.dumps({"v": 1, "command": command, **members}).encode() + b"\n"
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(harness.PATIENCE)
            try:
                s.connect(self.socket)
                s.sendall(request)
                data = b"".join(iter(lambda: s.recv(1 << 20), b""))
                answer = harness.json.loads(data)
            except (OSError, ValueError):
                return None
        return answer["answer"] if answer.get("ok") else None

    def counts(self):
        """None when it cannot be asked."""
        found = self.ask("incidents", which="all")
        return None if found is None else counts_of(found)

    def incidents(self):
        """Redis may be away for a moment: that of a daemon that was killed ends on its own."""
        def get():
            found = self.ctl_or_none("incidents", "--all")
            return None if found is None else (found,)
        return wait(get, "the list of incidents")[0]

    def difference(self, *ledgers):
        """Of the lines of these ledgers alone."""
        counts = self.counts()
        if counts is None:
            return None
        names = {ledger.name for ledger in ledgers}
        mine = {key: n for key, n in counts.items() if key[1][0] in names}
        return Difference(expected_of(ledgers), mine)

    def lines_examined(self):
        status = self.ask("status")
        return -1 if status is None else status["counters"]["lines"]

    def told(self):
        """What it says it did not examine: reason -> messages, gaps, bytes."""
        sums = (self.ctl("sources")["unexamined"] or {"sums": {}})["sums"]
        return add_sums(sums)

    def redis_is_ready(self):
        status = self.ask("status")
        return status is not None and status["redis"]["ready"]

    def has_committed(self):
        """It has noted which files there are.  One that is renamed before that was never
        a file of the source."""
        status = self.ask("status")
        return status is not None and status["redis"]["commits"] > 0

    def end(self, seconds=60):
        """Ends in good order."""
        equal(self.stop(seconds), 0, "exit status after SIGTERM")


def add_sums(sums):
    """{"SOURCE REASON WHAT": N} over all sources: {REASON: {WHAT: N}}."""
    total = {}
    for name, n in sums.items():
        _, reason, what = name.split()
        into = total.setdefault(reason, {})
        into[what] = into.get(what, 0) + n
    return total


def start_case(test, files=None, sources=None, channels=(), name="triaged", **more):
    """Rules and configuration in the test's directory, and a daemon not yet started."""
    test.rules(RULES)
    if sources is None:
        sources = [{"id": "log", "files": files, "start": "beginning"}]
    config = test.config(files, channels, name=f"{name}.yaml", sources=sources, **more)
    return Daemon(test, config, name)


def listener(ident, *addresses, **more):
    return {"id": ident, "listen": list(addresses), **more}


def settle(run, daemon, *ledgers, allow_lost=0, what="", seconds=None):
    """Wait until everything is counted or nothing moves any more; no line may be
    missing but ${allow_lost}, and none be there twice.  Returns how many are missing."""
    last, moved, difference = None, time.monotonic(), None
    limit = time.monotonic() + (seconds or (900 if run.long else 90))
    while time.monotonic() < limit:
        difference = daemon.difference(*ledgers)
        if difference is not None and difference.lost == allow_lost and not difference.doubled:
            break
        now = None if difference is None else difference.got
        if now != last:
            last, moved = now, time.monotonic()
        # Without Redis there is nothing to compare: that is waited for longer.
        if time.monotonic() - moved > (QUIET * 5 if difference is None else QUIET * run.patience):
            break
        time.sleep(0.05)
    check(difference is not None, "the daemon cannot be asked", what)
    run.add(lost=max(0, difference.lost - allow_lost), doubled=difference.doubled)
    if difference.lost > allow_lost or difference.doubled:
        more = f"\n  ({allow_lost} may be lost)" if allow_lost else ""
        raise Failure(f"{what}: {difference}{more}")
    return difference.lost


def settle_twice(run, daemon, *ledgers, **more):
    """The same after one more start, and a while later: what is counted twice may come late."""
    lost = settle(run, daemon, *ledgers, **more)
    time.sleep(LATER)
    daemon.end()
    daemon.start()
    settle(run, daemon, *ledgers, **more)
    time.sleep(LATER)
    equal(settle(run, daemon, *ledgers, **more), lost, "lost lines after one more start")
    return lost


def check_identities(daemon, ledger):
    """One incident for each block, in the order of their lines, and no number missing."""
    found = sorted(daemon.incidents(), key=lambda inc: inc["number"])
    equal([inc["number"] for inc in found], list(range(1, len(found) + 1)), "numbers of incidents")
    blocks = [inc["key"]["block.name"] for inc in found if inc["rule"] == "fault-block"]
    equal(blocks, ledger.order(), "blocks by number of their incident")


# ---- writers -----------------------------------------------------------------------

class Log:
    """A log file as a program writes it: appends to what it has open."""

    def __init__(self, path, ledger):
        self.path, self.ledger = path, ledger
        self.fd = None
        self.open()

    def open(self):
        self.close()
        self.fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def write(self, n, pad=""):
        self.put(self.ledger.lines(n, pad))

    def put(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def copytruncate(self, keep=9):
        """As logrotate's option of this name; nobody writes meanwhile."""
        self.shift(keep)
        shutil.copyfile(self.path, f"{self.path}.1")
        os.truncate(self.path, 0)

    def shift(self, keep):
        for n in range(keep, 0, -1):
            for end in ("", ".gz", ".zst"):
                if os.path.exists(f"{self.path}.{n}{end}"):
                    os.rename(f"{self.path}.{n}{end}", f"{self.path}.{n + 1}{end}")

    def rotate(self, keep=9, compress=None, delay=True):
        """As logrotate: LOG to LOG.1 and so on; from .2 on, or .1, compressed."""
        self.shift(keep)
        os.rename(self.path, f"{self.path}.1")
        self.open()
        victim = f"{self.path}.{2 if delay else 1}"
        if compress and os.path.exists(victim):
            COMPRESS[compress](victim)


def compress_gzip(path):
    """As gzip and logrotate do: the times stay those of the log."""
    with open(path, "rb") as source, gzip.open(path + ".gz", "wb") as target:
        shutil.copyfileobj(source, target)
    shutil.copystat(path, path + ".gz")
    os.unlink(path)


def compress_by_filter(path):
    """gzip <LOG >LOG.gz, as scripts do: a new file, as of now."""
    with open(path, "rb") as source, gzip.open(path + ".gz", "wb") as target:
        shutil.copyfileobj(source, target)
    os.unlink(path)


def compress_zstd(path):
    if shutil.which("zstd") is None:
        raise Skip("no zstd: apt-get install zstd")
    subprocess.run(["zstd", "-q", "--rm", path, "-o", path + ".zst"], check=True)


COMPRESS = {"gzip": compress_gzip, "filter": compress_by_filter, "zstd": compress_zstd}


class Load(threading.Thread):
    """Does something again and again, with so many pauses a second, until stopped."""

    def __init__(self, step, rate):
        super().__init__(daemon=True)
        self.step, self.pause = step, 1 / rate
        self.ended = threading.Event()
        self.error = None
        self.start()

    def run(self):
        due = time.monotonic()
        try:
            while not self.ended.is_set():
                self.step()
                due = max(due + self.pause, time.monotonic() - 1)
                self.ended.wait(max(0, due - time.monotonic()))
        except Exception as error:  # told by stop()
            self.error = error

    def stop(self):
        self.ended.set()
        self.join()
        if self.error is not None:
            raise self.error


class UdpSender:
    def __init__(self, port, ledger):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = ("127.0.0.1", port)
        self.ledger = ledger

    def send(self, n):
        for message in self.ledger.messages(n):
            self.socket.sendto(message, self.address)


class StreamSender:
    """Keeps a connection, makes another one when it was closed.  What the kernel took
    is sent."""

    def __init__(self, address, ledger):
        self.address, self.ledger, self.socket = address, ledger, None
        self.connections = 0  # made so far

    def connect(self):
        self.connections += 1
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(harness.PATIENCE)
        self.socket.connect(self.address)

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def was_closed(self):
        try:
            readable, _, _ = select.select([self.socket], [], [], 0)
            return bool(readable) and self.socket.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def send(self, n):
        if self.socket is not None and self.was_closed():
            self.close()
        if self.socket is None:
            self.connect()
        self.socket.sendall(b"".join(message + b"\n" for message in self.ledger.messages(n)))


def kernel_drops(port):
    """The last column of /proc/net/udp: what this socket had no room for."""
    with open("/proc/net/udp", encoding="ascii") as f:
        for line in f.readlines()[1:]:
            words = line.split()
            if int(words[1].split(":")[1], 16) == port:
                return int(words[-1])
    return None


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- disks -------------------------------------------------------------------------

def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


class Mount:
    """A file system of the test's own, unmounted when it ends."""

    def __init__(self, test, name):
        need_root()
        self.path = test.directory(name)
        test.mounts.append(self)
        self.mounted = False

    def mount(self, *arguments):
        done = subprocess.run(["mount", *arguments, self.path], capture_output=True, check=False)
        if done.returncode != 0:
            raise Skip(f"cannot mount {arguments}: {done.stderr.decode().strip()}")
        self.mounted = True
        os.chmod(self.path, 0o700)
        return self

    def tmpfs(self, size):
        return self.mount("-t", "tmpfs", "-o", f"size={size}", "none")

    def image(self, image):
        return self.mount("-o", "loop", image)

    def fill(self):
        """Not a byte is free any more."""
        with open(os.path.join(self.path, "filler"), "ab", buffering=0) as f:
            size = 1 << 20
            while size:
                try:
                    f.write(b"x" * size)
                except OSError:
                    size //= 2

    def relieve(self):
        os.unlink(os.path.join(self.path, "filler"))

    def unmount(self):
        if self.mounted:
            if subprocess.run(["umount", self.path], capture_output=True, check=False).returncode:
                subprocess.run(["umount", "-l", self.path], capture_output=True, check=False)
            self.mounted = False


def make_ext4(test, name, megabytes):
    path = test.path(name)
    with open(path, "wb") as f:
        f.truncate(megabytes << 20)
    mkfs = shutil.which("mkfs.ext4") or "/sbin/mkfs.ext4"
    if not os.path.exists(mkfs):
        raise Skip("no mkfs.ext4")
    subprocess.run([mkfs, "-q", "-F", path], check=True)
    return path


def build_c(test, source, *options):
    """A helper in C, built where the test runs."""
    cc = shutil.which(os.environ.get("CC", "cc").split()[0]) or shutil.which("cc")
    if cc is None:
        raise Skip("no C compiler")
    target = test.path(os.path.splitext(source)[0])
    subprocess.run([cc, "-O2", "-D_GNU_SOURCE", *options, "-o", target, os.path.join(HERE, source)],
                   check=True)
    return target


def is_sanitized():
    """An ASan build: slower, and its memory says nothing."""
    with open(harness.program("TRIAGED", "triaged"), "rb") as f:
        return b"__asan_init" in f.read()


def plain_program():
    """A build without sanitizers: these do not go with what is preloaded."""
    if "PLAIN_TRIAGED" in os.environ:
        return harness.program("PLAIN_TRIAGED", "triaged")
    if is_sanitized():
        raise Skip("a build with sanitizers; PLAIN_TRIAGED names one without")
    return harness.program("TRIAGED", "triaged")


def sysctl(name, value=None):
    """Read or write; a write returns what was there."""
    path = "/proc/sys/" + name.replace(".", "/")
    with open(path, encoding="ascii") as f:
        old = f.read().strip()
    if value is not None:
        try:
            with open(path, "w", encoding="ascii") as f:
                f.write(str(value))
        except OSError as error:
            raise Skip(f"cannot set {name}: {error}") from None
    return old


# ---- main --------------------------------------------------------------------------

class Run:
    """One run of a script: its mode, its source of chance, its figures."""

    def __init__(self, long, seed):
        self.long, self.seed = long, seed
        self.rng = random.Random(seed)
        self.patience = 2 if is_sanitized() else 1
        self.sums = {"lost": 0, "doubled": 0}

    def either(self, short, long):
        return long if self.long else short

    def add(self, **figures):
        for name, n in figures.items():
            self.sums[name] = self.sums.get(name, 0) + n

    def most(self, **figures):
        for name, n in figures.items():
            self.sums[name] = max(self.sums.get(name, n), n)

    def figure(self):
        def text(n):
            if not isinstance(n, float):
                return n
            return f"{n:.3g}" if n < 1000 else f"{n:.0f}"
        return ", ".join(f"{name.replace('_', ' ')} {text(n)}" for name, n in self.sums.items())


class FaultTest(harness.Test):
    def __init__(self):
        super().__init__()
        self.mounts = []

    def clean_up(self):
        for process in reversed(self.processes):
            if process.popen is not None and process.runs():
                process.signal(signal.SIGCONT)
                process.kill()
        deadline = time.monotonic() + 5
        while harness.children(os.getpid()) and time.monotonic() < deadline:
            for pid in harness.children(os.getpid()):
                thaw(pid)
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass
            time.sleep(0.02)
        for mount in reversed(self.mounts):
            mount.unmount()
        super().clean_up()


def thaw(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except OSError:
        pass


def bind(story, run):
    def bound(test):
        story(test, run)
    bound.__name__ = story.__name__
    return bound


def parse(stories):
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="the figures of the table of promises")
    parser.add_argument("--seed", type=int, default=1, help="of what chance does (default: 1)")
    parser.add_argument("case", nargs="*", choices=[[], *(s.__name__ for s in stories)],
                        help="only these")
    return parser.parse_args()


def main(*stories):
    """Play the cases, say how many passed and the figures, and exit: 0 all passed, 1 one
    failed, 77 nothing could be done."""
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    arguments = parse(stories)
    run = Run(arguments.long, arguments.seed)
    limit = LONG_LIMIT if run.long else SHORT_LIMIT * run.patience
    harness.HARD_LIMIT, harness.Test = limit, FaultTest
    harness.prctl(harness.PR_SET_CHILD_SUBREAPER, 1)
    os.environ["TZ"] = "UTC"
    time.tzset()
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(signo, end_early)
    codes = []
    for story in stories:
        if not arguments.case or story.__name__ in arguments.case:
            run.rng.seed(f"{run.seed} {story.__name__}")
            signal.alarm(limit)
            codes.append(harness.play(bind(story, run)))
    skipped = f", {codes.count(77)} skipped" if 77 in codes else ""
    print(f"{name}: {codes.count(0)} passed, {codes.count(1)} failed{skipped}")
    print(f"{name}: {run.figure()}", flush=True)
    sys.exit(1 if 1 in codes else 0 if 0 in codes else 77)
