#!/usr/bin/python3 -B
"""A Redis Cluster of three masters and three replicas, and a pair of servers that
sentinels watch.  While a log grows, masters are killed, replicas take over, and what was
killed comes back, to be killed again later.  A replica need not have heard of all that
its master had confirmed.  In the end incidents and counts are those of an undisturbed
run: nothing is lost, nothing is counted twice.

KILLS=20 plays it at length.
"""

import os
import socket
import time

import harness
from harness import check, equal, wait, wait_equal

KILLS = int(os.environ.get("KILLS") or 2)
PARTITIONS = 8
NODE_TIMEOUT = 1000  # ms
harness.HARD_LIMIT += 30 * KILLS
SLOTS = 16384


def free_port():
    """A port of which the cluster's bus can have that 10000 above."""
    while True:
        with socket.socket() as s, socket.socket() as bus:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
            if not 11000 < port < 50000:
                continue
            try:
                bus.bind(("127.0.0.1", port + 10000))
            except OSError:
                continue
            return port


class Server(harness.Process):
    """A redis-server of a group of them, or a sentinel."""

    def __init__(self, test, name, *settings, sentinel=False):
        super().__init__(test, name)
        if harness.REDIS_SERVER is None:
            raise harness.Skip("no redis-server")
        self.port = free_port()
        self.sentinel = sentinel
        own = [] if sentinel else ["save \"\"", "appendonly yes", "appendfsync everysec",
                                   "repl-diskless-sync-delay 0"]
        self.conf = test.write(f"{name}.conf", "\n".join(
            [f"dir {test.directory(name)}", f"port {self.port}", "bind 127.0.0.1", *own,
             *(s.replace("@", str(self.port)) for s in settings), ""]))

    def start(self):
        self.spawn([harness.REDIS_SERVER, self.conf, *(["--sentinel"] if self.sentinel else [])])
        wait(self.answers, f"{self.name} answers")
        return self

    def answers(self):
        check(self.runs(), f"{self.name} does not start:", self.said())
        try:
            with harness.Client(self.port) as client:
                return client.try_call("PING") == b"PONG"
        except OSError:
            return False

    def call(self, *args):
        with harness.Client(self.port) as client:
            return client(*args)

    def ask(self, *args):
        """The answer, or None while it has none."""
        try:
            with harness.Client(self.port, 1) as client:
                answer = client.try_call(*args)
        except OSError:
            return None
        return None if isinstance(answer, harness.Failure) else answer

    def role(self):
        answer = self.ask("ROLE")
        return answer and answer[0].decode()


class Cluster:
    def __init__(self, test):
        self.nodes = [Server(test, f"node{i}", "cluster-enabled yes",
                             f"cluster-node-timeout {NODE_TIMEOUT}", "cluster-replica-validity-factor 0",
                             "cluster-require-full-coverage no").start() for i in range(6)]
        for i, node in enumerate(self.nodes):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
            node.call("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        for i, node in enumerate(self.nodes[:3]):
            node.call("CLUSTER", "ADDSLOTSRANGE", i * SLOTS // 3, (i + 1) * SLOTS // 3 - 1)
        wait(lambda: all(self.count(node) == 6 for node in self.nodes), "all have met")
        for i, node in enumerate(self.nodes[3:]):
            node.call("CLUSTER", "REPLICATE", self.nodes[i].call("CLUSTER", "MYID"))
        wait(self.is_whole, "the cluster is up")

    @staticmethod
    def count(node):
        answer = node.ask("CLUSTER", "NODES")
        lines = answer.decode().splitlines() if answer else []
        return sum("handshake" not in line for line in lines)

    def state(self, node):
        info = (node.ask("CLUSTER", "INFO") or b"").decode()
        return "cluster_state:ok" in info

    def masters(self):
        return [node for node in self.nodes if node.runs() and node.role() == "master"]

    def is_whole(self):
        """Three masters with slots, a replica of each that is in step; all agree."""
        if not all(node.runs() and self.state(node) for node in self.nodes):
            return False
        roles = [node.ask("ROLE") for node in self.nodes]
        return (sum(r is not None and r[0] == b"master" and len(r[2]) == 1 for r in roles) == 3 and
                sum(r is not None and r[0] == b"slave" and r[3] == b"connected" for r in roles) == 3)

    def url(self):
        # Some of them, and not the ones with our slots only.
        return "redis+cluster://" + ",".join(f"127.0.0.1:{n.port}" for n in self.nodes[1:4])


class Load(list):
    """A log that grows, a piece after the other, in its own time."""

    def __init__(self, test, rng, lines):
        super().__init__()
        self.test = test
        self.log = harness.attack_log(rng, lines, 6 + lines / 600)  # of about 4 s each
        self.pieces = harness.pieces(rng, self.log, 2000)
        test.write("auth.log", b"")

    def grow(self, seconds):
        """Append for a while.  The pauses set the pace, nothing is waited for."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.test.append("auth.log", next(self.pieces, b""))
            time.sleep(0.01)

    def grow_until(self, condition, what):
        end = time.monotonic() + harness.PATIENCE
        while not condition():
            check(time.monotonic() < end, "waited in vain:", what)
            self.grow(0.1)

    def finish(self):
        for piece in self.pieces:
            self.test.append("auth.log", piece)


def begin(test, rng, redis, lines=40000):
    test.rules()
    load = Load(test, rng, lines)
    config = test.config(test.path("auth.log"), redis=redis)
    daemon = test.daemon(config).start()
    return daemon, load


def settle(test, daemon, load, failovers=True):
    load.finish()
    expected = sorted(harness.model(load.log))
    wait_equal(lambda: sorted(daemon.summary_or_none() or []), expected, "incidents")
    wait(lambda: daemon.has_examined(test.path("auth.log")), "the log is examined")
    equal(sorted(daemon.restart().summary()), expected, "after a restart")
    lost = daemon.said().count("was set back")
    print(f"events in incidents {sum(row[1] for row in expected)}, all there, each once; "
          f"partitions were set back {lost} times")
    check(lost > 0 or KILLS < 6 or not failovers, "no failover has lost anything")


def fail_over(cluster, load, rng, n):
    victim = rng.choice(cluster.masters())
    load.grow(rng.uniform(0.05, 0.4))
    losing = n % 2 == 0
    if losing:
        # What the master confirms from here on its replica does not hear of.
        replica = next(node for node in cluster.nodes if node.role() == "slave" and
                       node.ask("ROLE")[2] == victim.port)
        replica.kill()
        load.grow(rng.uniform(0.2, 0.5))
    victim.kill()
    if losing:
        replica.start()
    load.grow_until(lambda: len(cluster.masters()) == 3, "a replica takes over")
    load.grow(rng.uniform(0, 0.3))
    victim.start()
    load.grow_until(cluster.is_whole, "the cluster is whole again")


def masters_killed(test):
    rng = harness.seeded()
    cluster = Cluster(test)
    daemon, load = begin(test, rng, {"url": cluster.url(), "partitions": PARTITIONS},
                         lines=10000 + 10000 * KILLS)
    for n in range(KILLS):
        fail_over(cluster, load, rng, n)
    settle(test, daemon, load)


def slot_moved(test):
    """All slots of one master go to another while the log grows: what is refused midway is
    refused as a whole."""
    rng = harness.seeded()
    cluster = Cluster(test)
    daemon, load = begin(test, rng, {"url": cluster.url(), "partitions": PARTITIONS})
    load.grow(0.3)
    source, target = cluster.masters()[:2]
    moved = 0
    ids = {node: node.call("CLUSTER", "MYID") for node in (source, target)}
    for number in range(PARTITIONS):
        slot = source.call("CLUSTER", "KEYSLOT", f"triaged:{{t:{number}}}:")
        if not source.call("CLUSTER", "COUNTKEYSINSLOT", slot):
            continue
        load.grow(0.1)
        moved += 1
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 5):
            source.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            load.grow(0.02)
        for node in (target, source):
            node.call("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
        load.grow(0.1)
    check(moved > 0, "no slot was moved")
    settle(test, daemon, load, False)


def transaction(test):
    """What the daemon relies on: of a transaction one command of which is redirected, or
    of which the slot goes between the commands and EXEC, nothing is done."""
    cluster = Cluster(test)
    one, other = cluster.masters()[:2]
    keys = {node: next(key for key in (f"k{i}" for i in range(1000)) if
                       node.ask("SET", key, 0)) for node in (one, other)}
    with harness.Client(one.port) as client:
        client("MULTI")
        client("INCR", keys[one])
        refused = client.try_call("INCR", keys[other])
        check(isinstance(refused, harness.Failure) and str(refused).startswith("MOVED"), refused)
        check("EXECABORT" in str(client.try_call("EXEC")), "EXEC of a redirected command")
        equal(client("GET", keys[one]), b"0", "nothing is done")
        client("MULTI")
        client("INCR", keys[one])
        client("INCR", keys[one])
        slot = one.call("CLUSTER", "KEYSLOT", keys[one])
        ids = {node: node.call("CLUSTER", "MYID") for node in (one, other)}
        other.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[one])
        one.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[other])
        one.call("MIGRATE", "127.0.0.1", other.port, keys[one], 0, 5000)
        for node in (other, one):
            node.call("CLUSTER", "SETSLOT", slot, "NODE", ids[other])
        refused = client.try_call("EXEC")
        check(isinstance(refused, harness.Failure), "EXEC after the slot went:", refused)
        equal(other.call("GET", keys[one]), b"0", "nothing is done")


class Watched:
    """A master and a replica, and three sentinels that watch them."""

    NAME = "triage"

    def __init__(self, test):
        first = Server(test, "server0").start()
        second = Server(test, "server1", f"replicaof 127.0.0.1 {first.port}").start()
        self.servers = [first, second]
        self.sentinels = [Server(
            test, f"sentinel{i}", f"sentinel monitor {self.NAME} 127.0.0.1 {first.port} 2",
            f"sentinel down-after-milliseconds {self.NAME} {NODE_TIMEOUT}",
            f"sentinel failover-timeout {self.NAME} 3000", sentinel=True).start() for i in range(3)]
        wait(self.is_whole, "all is up")

    def master(self):
        answer = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.NAME)
        return next((s for s in self.servers if answer and int(answer[1]) == s.port), None)

    def knows_all(self, sentinel):
        peers = sentinel.ask("SENTINEL", "SENTINELS", self.NAME)
        replicas = sentinel.ask("SENTINEL", "REPLICAS", self.NAME)
        return (peers is not None and len(peers) == 2 and replicas is not None and
                len(replicas) == 1 and b"down" not in replicas[0][9])

    def is_whole(self):
        roles = [server.ask("ROLE") for server in self.servers]
        return (None not in roles and sorted(r[0] for r in roles) == [b"master", b"slave"] and
                all(r[0] == b"master" or r[3] == b"connected" for r in roles) and
                all(self.knows_all(sentinel) for sentinel in self.sentinels))

    def url(self):
        return ("redis+sentinel://" + ",".join(f"127.0.0.1:{s.port}" for s in self.sentinels) +
                f"/{self.NAME}")


def watched_by_sentinels(test):
    rng = harness.seeded()
    watched = Watched(test)
    daemon, load = begin(test, rng, {"url": watched.url(), "partitions": 2},
                         lines=10000 + 10000 * KILLS)
    for n in range(KILLS):
        master = wait(watched.master, "a master")
        replica = next(server for server in watched.servers if server is not master)
        load.grow(rng.uniform(0.05, 0.4))
        if n % 2 == 0:
            replica.kill()
            load.grow(rng.uniform(0.2, 0.5))
        if n % 4 == 2:
            watched.sentinels[0].kill()
        master.kill()
        if n % 2 == 0:
            replica.start()
        load.grow_until(lambda: replica.role() == "master", "the replica takes over")
        load.grow(rng.uniform(0, 0.3))
        master.start()
        if not watched.sentinels[0].runs():
            watched.sentinels[0].start()
        load.grow_until(watched.is_whole, "all is up again")
    settle(test, daemon, load)


harness.main(masters_killed, slot_moved, transaction, watched_by_sentinels)
