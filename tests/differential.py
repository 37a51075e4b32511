#!/usr/bin/python3 -B
"""The daemon's correlation against the reference in tests/model/model.py.

Random rules, random events (late ones, bursts, pauses about as long as the rule's times),
cut into batches at random, given to several daemons that share one store, which crash,
forget what they know, and collide; some of it silenced.  Incidents, what they count, their times, and what
became of the events must be what the reference says when it is given the same events in
the order in which they were committed.

    tests/differential.py                                 as make check does: 5,000 cases
    tests/differential.py --cases 100000 --seed 7         before a release; some minutes
    tests/differential.py --seed 7 --only 123             one case again

A difference is shown as the smallest case that still has one.
"""

import argparse
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "model"))
import model  # noqa: E402

KINDS = ["count", "distinct", "sum", "all_of", "sequence", "absent", "first_seen", "spike", "rate"]
DAEMONS = 3
CHUNK = 200  # cases that one run of the driver takes


# ---- making cases -----------------------------------------------------------------

def make_rule(r):
    kind = r.choice(KINDS)
    within = r.choice([1, 3, 10, 16, 50, 64, 100, 130, 1000, 1600, 6400])
    rule = {"kind": kind, "within": within, "least": r.choice([1, 2, 3, 3, 4, 5, 8]), "below": 0,
            "learning": 0, "slots": 0, "factor": 0, "nsteps": 1, "negative": set(),
            "rearm": r.choice([within, within, within + 1, 2 * within, 5 * within])}
    if r.random() < 0.1:
        rule["least"] = r.randint(9, 25)
    if kind in ("all_of", "sequence"):
        rule["nsteps"] = r.choice([1, 2, 2, 3, 3, 4, 5])
    if kind == "sequence" and rule["nsteps"] > 2:
        rule["negative"] = {i for i in range(1, rule["nsteps"] - 1) if r.random() < 0.4}
    if kind in ("first_seen", "spike"):
        rule["learning"] = r.choice([0, 0, within // 2, within, 3 * within])
    if kind == "spike":
        rule["slots"] = r.choice([1, 2, 3, 6])
        rule["factor"] = r.choice([100, 150, 200, 300, 1000])
    if kind == "sum":
        rule["least"] = r.choice([1, 5, 20, 100, 10 ** 12])
    if kind == "rate":
        rule["below"] = r.randint(1, rule["least"])
    if kind not in model.JOINING and r.random() < 0.4:
        rule["rearm"] = r.choice([1, within // 2 + 1, within, 3 * within])
    return rule


def make_value(r, rule, many):
    if rule["kind"] == "sum":
        return str(r.choice([0, 1, 1, 2, rule["least"] // 3, rule["least"] - 1, rule["least"]]))
    return "v%d" % r.randrange(many)


def make_steps(r, rule):
    n = rule["nsteps"]
    steps = {r.randrange(n)}
    while r.random() < 0.15:
        steps.add(r.randrange(n))
    return sum(1 << s for s in steps)


def go_back(r):
    """A batch long enough to be shortened, that opens an incident with the help of what was
    before, makes a pause and goes back to before it: too few then for another one."""
    within, least = r.choice([100, 1000]), r.randint(20, 30)
    rule = dict(make_rule(r), kind=r.choice(["count", "distinct", "sum"]), within=within,
                least=least, rearm=r.choice([within, 2 * within]), nsteps=1, negative=set())
    in_batch = r.randint(least // 2, least - 1)
    before = r.randint(least - in_batch - 1, least - 1)
    back = r.randint(min(max(least, 32) - in_batch, least) - 1, least - 1)
    times = [r.randrange(90) for _ in range(before + in_batch)]
    pause = [90 + rule["rearm"] + r.randrange(3)]
    times += pause + [r.randrange(90) for _ in range(back)] + pause * r.randint(0, 5)
    values = ["v%d" % i for i in range(len(times))]
    if rule["kind"] == "sum":
        values = ["1"] * len(times)
    ops = [("event", 0, t, "k0", v, 1) for t, v in zip(times, values)]
    return rule, ops[:before] + [("take", 0), ("commit", 0)] + ops[before:]


def forbid(r):
    """The same, but what was before is a step that must not happen."""
    rule = dict(make_rule(r), kind="sequence", within=1000, rearm=1000, nsteps=3, negative={1})
    steps = [(r.randrange(50), 1) for _ in range(r.randint(20, 33))]
    steps += [(r.randrange(50, 60), 4) for _ in range(r.randint(1, 12))]
    steps += [(r.randrange(100), r.choice([1, 4])) for _ in range(r.randint(0, 10))]
    ops = [("event", 0, t, "k0", "v", s) for t, s in [(50, 2)] + steps]
    return rule, ops[:1] + [("take", 0), ("commit", 0)] + ops[1:]


def make_case(seed):
    r = random.Random(seed)
    if r.random() < 0.01:
        return r.choice([go_back, forbid])(r)
    rule = make_rule(r)
    within, rearm = rule["within"], rule["rearm"]
    daemons = r.choice([1, 1, 2, DAEMONS])
    keys = r.choice([1, 1, 2, 3])
    many = r.choice([1, 2, 4, 10, 40])
    events = r.randint(5, 60)
    if r.random() < 0.12:
        events, keys = r.randint(60, 300), 1  # long enough for batches to be shortened
    cut = r.choice([0.02, 0.1, 0.3, 1]) if events <= 60 else r.choice([0.002, 0.01, 0.05])
    trouble = r.choice([0, 0.02, 0.1]) * (1 if events <= 60 else 0.05)
    late = r.choice([0, 0.05, 0.3])
    pause = r.choice([0, 0.03, 0.2])
    tight = r.random() < 0.4
    now, ops = r.choice([0, -5 * within, 1000003, 1700000000000]), []
    for _ in range(events):
        daemon = r.randrange(daemons)
        step = r.choice([0, 1, 1, 2] if tight else
                        [0, 1, within // 64, within // 16, within // 4, within // 2])
        if r.random() < pause:
            step = r.choice([within - 1, within, within + 1, rearm - 1, rearm, rearm + 1,
                             rearm + within, 3 * rearm + within])
        now += max(step, 0)
        time = now
        if r.random() < late:
            time -= r.choice([0, 1, within // 3, within, within + 1, rearm, 2 * rearm + within])
        key = "k%d" % r.randrange(keys)
        ops.append(("event", daemon, time, key, make_value(r, rule, many), make_steps(r, rule)))
        if rule["kind"] in ("absent", "rate") and r.random() < 0.15:
            ops.append(("timer", r.randrange(daemons),
                        now + r.choice([0, 1, within // 2, within, 2 * within]), key))
        if r.random() < cut:
            ops.append(("take", r.randrange(daemons)))
        if r.random() < cut:
            ops.append(("commit", r.randrange(daemons)))
        if r.random() < trouble:
            ops.append((r.choice(["crash", "lose", "forget"]), r.randrange(daemons)))
        if r.random() < trouble:
            ops.append(("close", 0, key))
    return rule, with_silences(random.Random(str(seed) + " silences"), rule, ops)


def with_silences(r, rule, ops):
    """Some cases have silences, of one key or of all, that somebody makes at some moment."""
    events = [op for op in ops if op[0] == "event"]
    within = rule["within"]
    if r.random() < 0.7:
        return ops
    for _ in range(r.choice([1, 1, 2, 5])):
        event = r.choice(events)
        begin = event[2] + r.choice([0, 0, 1, -1, within, -within, within // 2])
        length = r.choice([0, 1, within // 4, within, within + 1, 3 * within, 20 * within])
        at = r.choice([0, 0, r.randrange(len(ops) + 1)])
        ops.insert(at, ("silence", 0, begin, begin + length, r.choice([event[3], "all"])))
    last = max(op[2] for op in events)
    for pause in sorted(r.choice([0, within, 3 * within, 25 * within]) for _ in range(2)):
        ops.append(("pass", 0, last + pause))
    return ops


# ---- the reference -------------------------------------------------------------------

class Reference:
    """Daemons that gather events, and the groups that committed events go to."""

    def __init__(self, rule):
        self.rule = model.Rule(**rule)
        self.groups = {}
        self.silences = []  # (from, until, key or all)
        self.silenced = 0   # events
        self.known = [[] for _ in range(DAEMONS)]     # the silences that a commit is made with
        self.gathered = [[] for _ in range(DAEMONS)]  # not taken for a commit yet
        self.taken = [[] for _ in range(DAEMONS)]     # in a commit under way
        self.busy = [False] * DAEMONS

    def value(self, op):
        if self.rule.kind == "sum":
            return int(op[4])
        if self.rule.kind in ("all_of", "sequence"):
            return {i for i in range(self.rule.nsteps) if op[5] >> i & 1}
        return op[4]

    def judge(self, op):
        """(${op}, is it silenced?)"""
        on = any(begin <= op[2] < end and key in (op[3], "all") for begin, end, key in self.silences)
        return op, on and op[0] == "event" and self.rule.kind != "absent"

    def apply(self, op, silences):
        group = self.groups.setdefault(op[3], model.Group(self.rule))
        group.silences = [s[:2] for s in silences if s[2] in (op[3], "all")]
        if op[0] == "timer":
            group.timer(op[2])
        else:
            group.event(op[2], self.value(op))

    def take(self, d):
        if not self.busy[d]:
            self.taken[d], self.gathered[d], self.busy[d] = self.gathered[d], [], True
            self.known[d] = list(self.silences)

    def commit(self, d):
        for op, silenced in self.taken[d]:
            if silenced:
                self.silenced += 1
            else:
                self.apply(op, self.known[d])
        self.taken[d], self.busy[d] = [], False

    def finish(self, d):
        self.commit(d)
        self.take(d)
        self.commit(d)

    def pass_time(self, now):
        """Everything is committed; then whatever is due by now."""
        for d in range(DAEMONS):
            self.finish(d)
        for key in self.groups:
            self.apply(("timer", 0, now, key), self.silences)

    def run(self, ops):
        for op in ops:
            what, d = op[:2]
            if what in ("event", "timer"):
                self.gathered[d].append(self.judge(op))
            elif what == "silence":
                self.silences.append(op[2:])
            elif what == "pass":
                self.pass_time(op[2])
            elif what == "take":
                self.take(d)
            elif what == "commit" or (what == "lose" and self.busy[d]):
                self.commit(d)  # that the answer is lost changes nothing
            if what in ("crash", "lose"):  # what no commit took in is read again
                self.gathered[d] = [self.judge(op) for op, _ in self.taken[d] + self.gathered[d]]
                self.taken[d], self.busy[d] = [], False
            elif what == "close" and op[2] in self.groups:
                self.groups[op[2]].close()
        for d in range(DAEMONS):
            self.finish(d)

    def result(self):
        out = []
        fates = {"counted": 0, "promoted": 0, "folded": 0, "known": 0}
        for key, group in self.groups.items():
            due = group.due()
            out.append("group %s %d %d" % (key, 2 ** 63 - 1 if due is None else due,
                                           group.incident.told if group.incident else 0))
            for inc in group.incidents:
                state = ("over %d" % inc.over if inc.over is not None else
                         "closed" if inc.closed else "open")
                out.append("incident %s %d %d %d %d %s" % (
                    key, inc.at, inc.count, inc.first, inc.last, state))
            for name in fates:
                fates[name] += group.fates[name]
        out.append("fates %d %d %d %d %d" % (*fates.values(), self.silenced))
        return sort(out)


def sort(lines):
    """Groups by key; of a key the incidents stay in order."""
    return sorted(lines, key=lambda line: line.split()[:2] if line[0] != "f" else ["z"])


# ---- the daemon ------------------------------------------------------------------------

def case_text(case):
    rule, ops = case
    head = [KINDS.index(rule["kind"])] + [
        rule[k] for k in ("within", "least", "below", "learning", "slots", "factor", "nsteps")]
    head += [sum(1 << i for i in rule["negative"]), rule["rearm"]]
    lines = ["rule " + " ".join(map(str, head))]
    lines += [" ".join(map(str, op)) for op in ops]
    return "\n".join(lines + ["end"]) + "\n"


def run_driver(driver, cases):
    """Of each case the lines, or one that says how the driver ended instead; and how many
    collisions there were."""
    run = subprocess.run([driver], input="".join(map(case_text, cases)), capture_output=True,
                         text=True, timeout=600, check=False)
    results, lines, collisions = [], [], 0
    for line in run.stdout.splitlines():
        if line.startswith("end "):
            results.append(sort(lines))
            lines, collisions = [], collisions + int(line.split()[1])
        else:
            lines.append(line)
    if len(results) < len(cases):  # the case that ended it, and those behind it
        results.append(["it ended with %d: %s" % (run.returncode, run.stderr[-1500:])])
        more, n = run_driver(driver, cases[len(results):]) if len(results) < len(cases) else ([], 0)
        return results + more, collisions + n
    return results, collisions


def expected(case):
    reference = Reference(case[0])
    reference.run(case[1])
    return reference.result()


def differs(driver, case):
    return run_driver(driver, [case])[0][0] != expected(case)


def shrink(driver, case):
    """Leave out what is not needed for the difference."""
    rule, ops = case
    size = len(ops) // 2
    while size > 0:
        at = 0
        while at < len(ops):
            less = ops[:at] + ops[at + size:]
            if differs(driver, (rule, less)):
                ops = less
            else:
                at += size
        size //= 2
    return rule, ops


def report(driver, seed, number, case):
    print("case %d of seed %s differs; the smallest that does:" % (number, seed))
    case = shrink(driver, case)
    print(case[0])
    print(case_text(case), end="")
    print("expected:", *expected(case), sep="\n  ")
    print("found:", *run_driver(driver, [case])[0][0], sep="\n  ")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="number of the only case")
    parser.add_argument("--most", type=int, default=3, help="differences to show")
    parser.add_argument("--driver", default=os.path.join(
        os.environ.get("builddir", "."), "tests/model_driver"))
    args = parser.parse_args()
    if args.only is not None:
        args.first, args.cases = args.only, 1
    found = incidents = events = collisions = 0
    kinds = dict.fromkeys(KINDS, 0)
    for start in range(args.first, args.first + args.cases, CHUNK):
        numbers = range(start, min(start + CHUNK, args.first + args.cases))
        cases = [make_case("%s:%d" % (args.seed, n)) for n in numbers]
        results, n = run_driver(args.driver, cases)
        collisions += n
        for number, case, result in zip(numbers, cases, results):
            want = expected(case)
            n = sum(line.startswith("incident") for line in want)
            incidents += n
            kinds[case[0]["kind"]] += n
            events += sum(op[0] == "event" for op in case[1])
            if result != want:
                found += 1
                if found <= args.most:
                    report(args.driver, args.seed, number, case)
    print("seed %s: %d cases, %d events, %d incidents (%s), %d collisions: %d differences" % (
        args.seed, args.cases, events, incidents,
        ", ".join("%s %d" % kind for kind in kinds.items()), collisions, found))
    return found > 0


if __name__ == "__main__":
    sys.exit(main())
