"""What the scenario tests share: a directory per test, the daemon, triagectl, a
redis-server, the webhook receiver, log files, waiting, and cleaning up.

A scenario is a file that says in its docstring what it plays and ends with
harness.main(story, ...); names of stories as arguments play only those.  It exits with
0 when all pass, 1 when one fails, 77 when something it needs is missing.  The
environment names the programs (TRIAGED, TRIAGECTL; else they are looked for in the
working directory; REDIS_SERVER) and the root of the sources (srcdir), and repeats what
chance did (SEED).

A scenario never believes the daemon's counters alone: it knows what it has written,
it sees what the receiver got, and model() below works out what must come of it.
"""

import ctypes
import datetime
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.abspath(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), "../.."))
RECEIVER = os.path.join(ROOT, "contrib/receiver")
REDIS_SERVER = shutil.which(os.environ.get("REDIS_SERVER") or "redis-server")
DATA = os.path.join(ROOT, "../shared/data/real")  # logs that are not part of the sources

PATIENCE = 60       # seconds to wait for anything before it counts as not happening
HARD_LIMIT = 240    # seconds for one story
SECRET = "whsec_c2NlbmFyaW9zIHNpZ24gd2l0aCB0aGlzIG9uZQ=="

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Failure(Exception):
    """The program under test did something wrong."""


class Skip(Exception):
    """This machine lacks something that the scenario needs."""


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(str(w) for w in what))


def equal(got, expected, what):
    if got != expected:
        raise Failure(f"{what}\n  expected: {expected}\n  got:      {got}")


def wait(condition, what, seconds=PATIENCE, pause=0.02):
    """Wait until condition() is true and return what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain: {what}")
        time.sleep(pause)


def wait_equal(get, expected, what, seconds=PATIENCE):
    """Wait until get() returns expected."""
    got = None

    def same():
        nonlocal got
        got = get()
        return got == expected

    try:
        wait(same, what, seconds)
    except Failure:
        equal(got, expected, f"waited {seconds} s in vain: {what}")


# ---- processes ---------------------------------------------------------------

def prctl(option, value):
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def die_with_parent():
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def process_state(pid):
    """The letter of ps(1), or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def is_gone(pid):
    return process_state(pid) in (None, "Z", "X")


def children(parent):
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as f:
                ppid = int(f.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if ppid == parent:
            found.append(int(name))
    return found


def most_memory(pid):
    """The most memory that the process ever had, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise Failure(f"no VmHWM of process {pid}")


def socket_owner(path):
    """The pid of the process that listens on a unix socket, or None."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return None
        return int.from_bytes(s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), sys.byteorder)


class Port:
    """A TCP port of 127.0.0.1 that is ours until the end, though nobody listens on it."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.number = self.socket.getsockname()[1]


class Process:
    """Something the test started; its output goes to a file."""

    def __init__(self, test, name):
        self.name = name
        self.output = test.path(f"{name}.out")
        self.popen = None
        test.processes.append(self)

    def spawn(self, argv, env=None):
        with open(self.output, "ab") as out:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env=env, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    def runs(self):
        return self.popen is not None and self.popen.poll() is None

    def said(self):
        if not os.path.exists(self.output):
            return ""
        with open(self.output, encoding="utf-8", errors="backslashreplace") as f:
            return f.read()

    def signal(self, signo):
        self.popen.send_signal(signo)

    def kill(self):
        """kill -9, and wait for the end."""
        if self.runs():
            self.popen.kill()
        self.popen.wait()

    def stop(self, seconds=PATIENCE):
        """SIGTERM, and wait for the end.  Returns the exit status."""
        if self.runs():
            self.popen.terminate()
        return self.wait_exit(seconds)

    def wait_exit(self, seconds=PATIENCE):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not end") from None


# ---- the programs ------------------------------------------------------------

def program(variable, name):
    path = os.path.abspath(os.environ.get(variable) or name)
    if not os.access(path, os.X_OK):
        raise Failure(f"no program {path}; set {variable} or run where it was built")
    return path


def environment():
    """Times in logs are local times: let them be UTC, and errors be English."""
    return dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8")


def run(argv, timeout=PATIENCE):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
                          env=environment(), check=False)


class Daemon(Process):
    def __init__(self, test, config, name="triaged"):
        super().__init__(test, name)
        self.test = test
        self.config = config
        self.socket = test.config_value(config, "control_socket")
        self.state_dir = test.config_value(config, "state_dir")
        self.program = None  # another build than TRIAGED's
        self.prefix = []     # a command that runs it
        self.environment = {}  # more of it

    def start(self, ready=True):
        check(not self.runs(), "the daemon runs already")
        self.spawn([*self.prefix, self.program or program("TRIAGED", "triaged"), "-c", self.config],
                   dict(environment(), **self.environment))
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        wait(self.is_ready, "the daemon is up and has its Redis")

    def is_ready(self):
        check(self.runs(), f"the daemon ended with status {self.popen.poll()}")
        # Of a daemon that was killed there may still be a Redis about to end: its
        # successor may have found that one, which says nothing of a moment later.
        private = os.path.isdir(os.path.dirname(self.redis_socket()))
        if private and self.redis_pid() not in children(self.pid):
            return False
        status = self.ctl_or_none("status")
        return status is not None and status["redis"]["ready"]

    def restart(self):
        equal(self.stop(), 0, "exit status after SIGTERM")
        return self.start()

    def ctl_raw(self, *args):
        return run([program("TRIAGECTL", "triagectl"), "-s", self.socket, *args])

    def ctl(self, *args):
        """What triagectl answers, parsed."""
        done = self.ctl_raw("-o", "json", *args)
        check(done.returncode == 0, f"triagectl {args} failed with {done.returncode}:",
              done.stderr.decode(errors="backslashreplace"))
        return json.loads(done.stdout)

    def ctl_or_none(self, *args):
        done = self.ctl_raw("-o", "json", *args)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def ctl_fails(self, code, *args):
        """The error of a triagectl that must exit with this code."""
        done = self.ctl_raw(*args)
        error = done.stderr.decode(errors="backslashreplace")
        equal(done.returncode, code, f"exit code of triagectl {args}, which said {error!r}")
        check(error.strip() != "", f"triagectl {args} failed and did not say why")
        return error

    def incidents(self):
        return self.ctl("incidents", "--all")

    def summary(self, rule=None):
        """The incidents as model() writes them."""
        return summarise(self.incidents(), rule)

    def summary_or_none(self, rule=None):
        found = self.ctl_or_none("incidents", "--all")
        return None if found is None else summarise(found, rule)

    def outbox_is_empty(self):
        return self.ctl_or_none("outbox") == []

    def has_examined(self, path):
        """Has the file, and whatever had its name before, been read to the end?"""
        found = [s for s in self.ctl("status")["sources"] if s["path"] == path]
        return (any(s["offset"] == os.stat(path).st_size for s in found) and
                all(s["offset"] == s["size"] and not s["problem"] for s in found))

    def redis_socket(self):
        return os.path.join(self.state_dir, "redis/redis.sock")

    def redis_pid(self):
        return socket_owner(self.redis_socket())


class Receiver(Process):
    def __init__(self, test, name):
        super().__init__(test, name)
        self.port = Port()
        self.url = f"http://127.0.0.1:{self.port.number}/"
        self.log = test.path(f"{name}.jsonl")
        self.port_file = test.path(f"{name}.port")

    def start(self, *options):
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        self.spawn([sys.executable, RECEIVER, "--port", str(self.port.number), "--port-file",
                    self.port_file, "--out", self.log, "--secret", SECRET, *options])
        wait(lambda: os.path.exists(self.port_file) or not self.runs(), f"{self.name} listens")
        check(self.runs(), f"{self.name} does not start:", self.said())
        return self

    def requests(self):
        """All requests so far.  Each must be signed by us and be JSON."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as f:
            text = f.read()
        requests = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
        for request in requests:
            check(isinstance(request["body"], dict), f"{self.name} got what is not JSON: {request}")
            check(request["signature_ok"] is True, f"{self.name} got a bad signature: {request}")
        return requests

    def messages(self, kind=None):
        """The body of each webhook by its id; sent again, it must be the same."""
        bodies = {}
        for request in self.requests():
            ident, body = request["id"], request["body"]
            if ident in bodies:
                equal(json.dumps(body), json.dumps(bodies[ident]), f"a later delivery of {ident}")
            bodies[ident] = body
        return {ident: body for ident, body in bodies.items() if kind in (None, body["type"])}

    def wait_message(self, kind, number=1):
        """Wait until so many webhooks of a kind are there; returns the latest."""
        found = wait(lambda: (m := self.messages(kind)) and len(m) >= number and m,
                     f"{self.name} gets {number} of {kind}")
        equal(len(found), number, f"webhooks {kind} at {self.name}: {sorted(found)}")
        return list(found.values())[-1]


class Redis(Process):
    """An operator's own redis-server."""

    def __init__(self, test, *settings, port=None, password=None):
        super().__init__(test, "redis")
        if REDIS_SERVER is None:
            raise Skip("no redis-server")
        self.dir = test.directory("redis")
        self.socket = os.path.join(self.dir, "own.sock")
        self.password = password
        test.write("redis.conf", "\n".join([
            f"dir {self.dir}", f"unixsocket {self.socket}", "unixsocketperm 700",
            f"port {port or 0}", "bind 127.0.0.1", "save \"\"", "appendonly yes",
            "appendfsync always", *settings, ""]))
        self.conf = test.path("redis.conf")

    def start(self):
        self.spawn([REDIS_SERVER, self.conf])
        wait(lambda: self.answers() or not self.runs(), "Redis answers")
        check(self.runs(), "Redis does not start:", self.said())
        return self

    # What a partition has, and what it is set back to, each in one moment.
    SAVE = """local saved = {}
        for i, key in ipairs(redis.call('KEYS', ARGV[1])) do
          saved[i] = {key, redis.call('DUMP', key), math.max(redis.call('PTTL', key), 0)}
        end
        return saved"""

    def save(self, pattern):
        with Client(self.socket) as client:
            return client("EVAL", self.SAVE, 0, pattern)

    RESTORE = """for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end
        for i = 2, #ARGV, 3 do redis.call('RESTORE', ARGV[i], ARGV[i + 2], ARGV[i + 1]) end"""

    def restore(self, pattern, saved):
        """As if nothing had happened since then."""
        with Client(self.socket) as client:
            client("EVAL", self.RESTORE, 0, pattern, *(x for one in saved for x in one))

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.socket)
                s.sendall(b"PING\r\n")
                return s.recv(64).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False


class Client:
    """Talks to a redis-server: to look at it, and to do to it what a disaster does."""

    def __init__(self, where, seconds=5):
        if isinstance(where, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
        self.socket.settimeout(seconds)
        try:
            self.socket.connect(where if isinstance(where, str) else ("127.0.0.1", where))
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def __call__(self, *args):
        """The reply; an error as an exception."""
        reply = self.try_call(*args)
        check(not isinstance(reply, Failure), args[0], "failed:", reply)
        return reply

    def try_call(self, *args):
        wire = [b"*%d\r\n" % len(args)]
        for arg in args:
            arg = arg if isinstance(arg, bytes) else str(arg).encode()
            wire.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
        self.socket.sendall(b"".join(wire))
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the server has gone")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            return Failure(rest.decode())
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self.read() for _ in range(int(rest))]


# ---- what came of it, by the daemon and by ourselves -------------------------

def summarise(incidents, rule=None):
    """(key, count, first, last) of each incident, in order of opening."""
    rows = []
    for inc in sorted(incidents, key=lambda inc: inc["number"]):
        if rule in (None, inc["rule"]):
            key = ",".join(inc["key"].values())
            rows.append((key, inc["count"], inc["first_event"], inc["last_event"]))
    return rows


FAILED = re.compile(r"^(\w{3} [ \d]\d \d\d:\d\d:\d\d) \S+ sshd\[\d+\]: "
                    r"(?:message repeated (\d+) times: \[ )?Failed \S+ for .* from (\S+) port \d+ ssh2\]?$")


def rfc3339(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def parse_time(text):
    """The time of an RFC 3164 header, in the year that brings it nearest to now."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    near = []
    for year in (now.year - 1, now.year, now.year + 1):
        try:
            near.append(datetime.datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S"))
        except ValueError:
            pass  # 29 February
    return min(near, key=lambda moment: abs(moment - now))


def model(log, count=5, within=600):
    """What RULES must make of a log whose lines are in order of time: (key, count,
    first, last) of each incident, in order of opening.  Straight from the words of
    the rule, with no batches, no Redis and no restarts."""
    recent, opened = {}, []
    for line in log.decode("utf-8", "replace").split("\n")[:-1]:
        m = FAILED.match(line)
        if not m:
            continue
        moment, key = parse_time(m[1]), m[3]
        for _ in range(int(m[2] or 1)):
            times = recent.setdefault(key, [])
            if times and times[0] == "open":
                times[1][1] += 1
                times[1][3] = moment
                continue
            times.append(moment)
            times[:] = [t for t in times if (moment - t).total_seconds() <= within]
            if len(times) == count:
                incident = [key, count, times[0], moment]
                opened.append(incident)
                recent[key] = ["open", incident]
    return [(key, n, rfc3339(first), rfc3339(last)) for key, n, first, last in opened]


RULE = "test-password-guessing"

RULES = r"""
events:
  - id: test.login-failed
    title: Login failed
    class: unauthorized-access
    severity: low
    where: {program: sshd}
    match: '^Failed (?<auth_method>\S+) for (?:invalid user )?(?<user_name>.*) from (?<source_ip>\S+) port \d+ ssh2$'
    tests:
      - line: 'Mar  1 12:00:00 alpha sshd[77]: Failed password for root from 192.0.2.1 port 4000 ssh2'
        event: {user_name: root, source_ip: 192.0.2.1}
      - line: 'Mar  1 12:00:00 alpha sshd[77]: Accepted password for root from 192.0.2.1 port 4000 ssh2'
        event: none

incidents:
  - id: test-password-guessing
    title: 'Passwords guessed from {source_ip}'
    on: [test.login-failed]
    by: [source_ip]
    count: 5
    within: 10m
    severity: medium
    criteria: five failed logins from one address within ten minutes
"""


def failed_login(address, moment=None, user="root"):
    """A line as sshd writes it, without newline."""
    moment = moment or datetime.datetime.now(datetime.timezone.utc)
    stamp = f"{moment:%b} {moment.day:2} {moment:%H:%M:%S}"
    if isinstance(user, str):
        user = user.encode()
    return (f"{stamp} alpha sshd[4242]: Failed password for ".encode() + user +
            f" from {address} port 50022 ssh2".encode())


def attack_log(rng, lines, hours=6):
    """A log of sshd in order of time: several addresses that guess, some that merely
    mistype now and then, and noise."""
    attackers = [f"198.51.100.{n}" for n in rng.sample(range(1, 255), 8)]
    clumsy = [f"203.0.113.{n}" for n in rng.sample(range(1, 255), 40)]
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)
    out = []
    for _ in range(lines):
        moment += datetime.timedelta(seconds=rng.choice((0, 0, 0, 1, 2, 5, 20)))
        stamp = f"{moment:%b} {moment.day:2} {moment:%H:%M:%S}"
        what = rng.random()
        if what < 0.35:
            out.append(failed_login(rng.choice(attackers), moment))
        elif what < 0.38:
            out.append(failed_login(rng.choice(clumsy), moment, "invalid user mallory"))
        elif what < 0.6:
            out.append(f"{stamp} alpha sshd[4242]: Connection closed by 192.0.2.7 [preauth]".encode())
        else:
            out.append(f"{stamp} alpha CRON[99]: pam_unix(cron:session): session opened".encode())
    return b"".join(line + b"\n" for line in out)


def replay(config, path):
    """What triagectl replay prints of a file, parsed."""
    done = run([program("TRIAGECTL", "triagectl"), "-c", config, "replay", "--json", path])
    equal(done.returncode, 0, f"exit code of replay, which said {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def years_are_clear(log):
    """Its times have no year: half a year from now it is anyone's guess."""
    now = datetime.datetime.now()
    first, last = (parse_time(line[:15].decode()) for line in (log, log.splitlines()[-1]))
    return first <= last and all(abs(abs(t - now) - datetime.timedelta(days=182.6)) >
                                 datetime.timedelta(days=2) for t in (first, last))


def real_log(name):
    """A log out of the wild, and what is known of it; (None, None) when it is not at
    hand, or not in this season."""
    path = os.path.join(DATA, name)
    try:
        with open(path + ".log", "rb") as f:
            log = f.read()
        with open(path + ".incidents.json", encoding="utf-8") as f:
            truth = json.load(f)
    except FileNotFoundError:
        return None, None
    return (log.rstrip(b"\n") + b"\n", truth) if years_are_clear(log) else (None, None)


def pieces(rng, data, most):
    """Cut data anywhere, in pieces of 1 to ${most} bytes."""
    at = 0
    while at < len(data):
        n = rng.randint(1, most)
        yield data[at:at + n]
        at += n


# ---- one test ----------------------------------------------------------------

class Test:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="triaged-", dir="/tmp")  # short: sockets live in it
        self.processes = []

    def path(self, name):
        return os.path.join(self.dir, name)

    def directory(self, name):
        os.makedirs(self.path(name), exist_ok=True)
        return self.path(name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        return self.path(name)

    def append(self, name, data):
        """In one write(2), as programs log."""
        with open(self.path(name), "ab", buffering=0) as f:
            f.write(data)
        return self.path(name)

    def append_lines(self, name, lines):
        return self.append(name, b"".join(line + b"\n" for line in lines))

    def rules(self, text=RULES, name="rules/test.yaml"):
        self.directory(os.path.dirname(name))
        return os.path.dirname(self.write(name, text))

    def config(self, files, channels=(), name="triaged.yaml", **more):
        """Write a configuration.  Each value is JSON, which is YAML too."""
        values = {
            "node": "alpha",
            "state_dir": self.path("state"),
            "control_socket": self.path("control.sock"),
            "rules": [self.path("rules")],
            "sources": [{"id": "log", "files": files, "start": "beginning"}],
            "channels": list(channels),
            **more,
        }
        lines = [f"{key}: {json.dumps(value)}\n" for key, value in values.items() if value != []]
        return self.write(name, "".join(lines))

    @staticmethod
    def config_value(config, key):
        with open(config, encoding="utf-8") as f:
            for line in f:
                if line.startswith(f"{key}: "):
                    return json.loads(line.partition(": ")[2])
        raise KeyError(key)

    def receiver(self, name="hook"):
        return Receiver(self, name)

    @staticmethod
    def channel(receiver, **more):
        return {"id": receiver.name, "type": "webhook", "url": receiver.url, "secret": SECRET,
                "insecure": True, **more}

    def daemon(self, config, name="triaged"):
        return Daemon(self, config, name)

    def clean_up(self):
        for process in reversed(self.processes):
            if process.popen is not None:
                if process.runs():
                    process.signal(signal.SIGCONT)
                process.kill()
        # What those had started has become our child; the daemon's Redis ends by itself.
        deadline = time.monotonic() + 5
        while left := children(os.getpid()):
            for pid in left:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass
            time.sleep(0.01)
        shutil.rmtree(self.dir, ignore_errors=True)

    def print_logs(self):
        for process in self.processes:
            if os.path.exists(process.output):
                text = process.said()
                print(f"---- {process.name}: last of {len(text)} characters", file=sys.stderr)
                print(text[-8000:], file=sys.stderr)
        log = self.path("state/redis/redis.log")
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="backslashreplace") as f:
                print(f"---- {log}\n{f.read()[-2000:]}", file=sys.stderr)


def end_early(signo, frame):
    raise Failure(f"ended by signal {signo}" if signo != signal.SIGALRM
                  else f"takes longer than {HARD_LIMIT} s")


def run_guarded(story, test):
    try:
        story(test)
        for process in test.processes:
            check(not re.search("Sanitizer:|runtime error:", process.said()),
                  f"{process.name} was found at fault by a sanitizer")
    except Skip as reason:
        print(f"skipped: {reason}")
        return 77
    except Exception as error:  # whatever it is: tell, clean up, fail
        signal.alarm(0)
        traceback.print_exc()
        test.print_logs()
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


def play(story):
    """Run a story in a directory of its own."""
    test = Test()
    start = time.monotonic()
    try:
        code = run_guarded(story, test)
    finally:
        signal.alarm(0)
        test.clean_up()
    word = {0: "passed", 77: "skipped"}.get(code, "FAILED")
    print(f"{story.__name__}: {word} after {time.monotonic() - start:.1f} s", flush=True)
    return code


def side_by_side(stories):
    """Each in a process of its own, which ends with this one."""
    def begin(story):
        return subprocess.Popen(
            [sys.executable, "-B", sys.argv[0], story.__name__], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM))

    codes = set()
    for child in [begin(story) for story in stories]:
        sys.stdout.buffer.write(child.communicate()[0])
        codes.add(child.returncode if child.returncode in (0, 77) else 1)
    return codes


def main(*stories, together=False):
    """Run stories, all of them or those named on the command line, and exit.  What mostly
    waits may be run together."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    os.environ["TZ"] = "UTC"
    time.tzset()
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(signo, end_early)
    stories = [story for story in stories if not sys.argv[1:] or story.__name__ in sys.argv[1:]]
    codes = set()
    if together and len(stories) > 1:
        codes = side_by_side(stories)
        stories = []
    for story in stories:
        signal.alarm(HARD_LIMIT)
        codes.add(play(story))
    sys.exit(1 if 1 in codes else 0 if 0 in codes else 77)


def seeded():
    """A source of chance that can be repeated: SEED=... in the environment."""
    seed = int(os.environ.get("SEED") or random.randrange(1 << 30))
    print(f"SEED={seed}", flush=True)
    return random.Random(seed)


def sha256(data):
    return hashlib.sha256(data).hexdigest()
