#!/usr/bin/python3 -B
"""R27: the configuration is reloaded under load from a file, TCP, UDP and a unix socket:
good ones with a rule more or less, or with another setting, which starts all anew but
leaves connections open; broken ones of every kind.  A broken one is refused and the old
one works on; nothing is lost or counted twice.
"""

import os
import socket
import time

import fault
from fault import Ledger, Load, Log, check, equal, wait

GOOD_RULE = """
events:
  - id: more.r{n}
    title: One more rule
    class: unauthorized-access
    severity: low
    match: '^nothing{n} for (?<user_name>\\S+)'
    tests:
      - line: 'nothing{n} for anybody'
        event: {{user_name: anybody}}
      - line: 'nothing'
        event: none
"""

BROKEN_RULES = [
    "events: [\n",
    GOOD_RULE.format(n=1).replace("(?<user_name>", "(?<user_name"),
    GOOD_RULE.format(n=1).replace("{user_name: anybody}", "{user_name: somebody}"),
    GOOD_RULE.format(n=1).replace("severity", "severty"),
    "\x00\xff\xfe not yaml",
    "- 1\n- 2\n",
]


class Scene:
    def __init__(self, test, run):
        self.test, self.run = test, run
        names = ("b", "t", "u", "x")
        self.ledgers = [Ledger(block=run.either(100, 10000), lanes=50, name=name) for name in names]
        self.log = Log(test.path("app.log"), self.ledgers[0])
        ports = [fault.free_port(), fault.free_port(socket.SOCK_DGRAM)]
        self.tcp = fault.StreamSender(("127.0.0.1", ports[0]), self.ledgers[1])
        self.udp = fault.UdpSender(ports[1], self.ledgers[2])
        self.unix = fault.StreamSender(test.path("in.sock"), self.ledgers[3])
        sources = [{"id": "log", "files": [self.log.path], "start": "beginning"},
                   fault.listener("net", f"tcp://127.0.0.1:{ports[0]}", f"udp://127.0.0.1:{ports[1]}",
                                  f"unix://{test.path('in.sock')}")]
        self.daemon = fault.start_case(test, sources=sources)
        self.good = self.original = self.read("triaged.yaml")

    def read(self, name):
        with open(self.test.path(name), encoding="utf-8") as f:
            return f.read()

    def step(self):
        self.log.write(10)
        for sender in (self.tcp, self.udp, self.unix):
            sender.send(5)

    def reload(self):
        return self.daemon.ctl_raw("reload").returncode == 0

    def good_one(self, n):
        """Replaced by renaming: nobody reads half of it."""
        self.test.write("more.new", GOOD_RULE.format(n=n))
        os.rename(self.test.path("more.new"), self.test.path("rules/more.yaml"))
        check(self.reload(), f"a good reload ({n}) is refused:", self.daemon.said()[-2000:])

    def another_config(self, n):
        """Changed where no sender can notice it."""
        self.good = f"{self.original}max_line: {65536 + n}\n"
        self.test.write("triaged.new", self.good)
        os.rename(self.test.path("triaged.new"), self.test.path("triaged.yaml"))
        check(self.reload(), f"a good configuration ({n}) is refused:", self.daemon.said()[-2000:])

    def broken_rule(self):
        self.test.write("rules/broken.yaml", self.run.rng.choice(BROKEN_RULES))
        check(not self.reload(), "broken rules are accepted:", self.read("rules/broken.yaml"))
        os.unlink(self.test.path("rules/broken.yaml"))

    def broken_config(self):
        broken = self.run.rng.choice((
            self.good.replace("sources:", "suorces:"), self.good[:len(self.good) // 2] + "\n}", "",
            self.good + "\nmax_line: -1\n", self.good.replace('"listen"', '"lisen"'),
            self.good.replace("tcp://127", "tcp://0.0")))
        self.test.write("triaged.yaml", broken)
        check(not self.reload(), "a broken configuration is accepted:", broken)
        self.test.write("triaged.yaml", self.good)


def under_load(test, run):
    scene = Scene(test, run)
    scene.daemon.start()
    wait(lambda: os.path.exists(test.path("in.sock")), "the unix socket is there")
    load = Load(scene.step, rate=run.either(60, 40))
    n = reloads = 0
    for n in range(run.either(30, 1000)):
        run.rng.choice((lambda: scene.good_one(reloads), lambda: scene.good_one(reloads),
                        lambda: scene.another_config(reloads), scene.broken_rule,
                        scene.broken_config))()
        reloads += 1
        time.sleep(run.rng.uniform(0, 0.05))
    load.stop()
    equal((scene.tcp.connections, scene.unix.connections), (1, 1), "connections the senders made")
    fault.settle_twice(run, scene.daemon, *scene.ledgers, what=f"after {reloads} reloads")
    run.add(reloads=reloads, lines=sum(ledger.next for ledger in scene.ledgers))


def rule_changes_count(test, run):
    """Lines before and after a reload are judged by the rules of their time, and the
    open incidents go on."""
    ledger = Ledger(block=50)
    daemon = fault.start_case(test, test.path("app.log"))
    log = Log(test.path("app.log"), ledger)
    daemon.start()
    for n in range(run.either(6, 60)):
        log.write(20)
        text = fault.RULES.replace("Block {block_name}", f"Block {{block_name}}, edition {n}")
        test.write("rules/test.new", text)
        os.rename(test.path("rules/test.new"), test.path("rules/test.yaml"))
        equal(daemon.ctl_raw("reload").returncode, 0, "exit code of reload")
        log.write(7)
    fault.settle_twice(run, daemon, ledger, what="over changes of the rule that counts")


fault.main(under_load, rule_changes_count)
