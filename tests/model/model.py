"""What incident rules mean, in the plainest Python: the reference that the daemon is
compared with (tests/differential.py), and what triaged-rules(5) explains.

A Group is one key of one rule.  Its events are given to it one by one in order of
arrival; each has a time, and of these times alone it is told what happened when.  Slow,
and on purpose without any trick: lists of events, looked through again for each.

What all kinds have in common
  - The incident that is open is the group's current one.  Events that join it only count.
  - After `rearm` without an event (for first_seen, spike and absent: without another new
    value, event of a spike, silence) the next one begins anew; so it does when the
    incident was closed by hand.  What led to the old incident is then forgotten.
  - Late events are counted where their time puts them, and always join.
  - What is silenced does not get here.  Only of absent all does: there it is the firing that
    waits until no silence is on.
"""

JOINING = ("count", "distinct", "sum", "all_of", "sequence")

# How much is remembered at most.
SUM_SLOTS = 64      # of a window
RATE_SLOTS = 16     # of a window
ALL_OF_KEPT = 4     # events of a step
SEQUENCE_KEPT = 8   # events of a step
VALUES_KEPT = 256   # first_seen
TELL_AGAIN = 10     # an incident is told again when it has so many times as many events


class Rule:
    """kind, within, least, below, learning, slots, factor, nsteps, negative (set), rearm"""

    def __init__(self, **what):
        self.__dict__.update(what)


class Incident:
    def __init__(self, at, count, first, last):
        self.at = at  # the time at which the condition began to hold
        self.count, self.first, self.last = count, first, last
        self.told = count
        self.closed = False  # by hand
        self.over = None     # when: by itself

    def join(self, time):
        self.count += 1
        self.first = min(self.first, time)
        self.last = max(self.last, time)
        if self.count == TELL_AGAIN * self.told:
            self.told = self.count


def slot(time, length):
    return time - time % length


class Group:
    def __init__(self, rule):
        self.rule = rule
        self.first = None     # least event time
        self.last = None      # greatest event time
        self.incidents = []   # all that it ever had
        self.incident = None  # that which is joined
        self.missing = False  # absent: the silence has been told
        self.kept = []        # [time, value, ...] of events, in order of arrival
        self.silences = []    # (from, until) of its key
        self.fates = {"counted": 0, "promoted": 0, "folded": 0, "known": 0}

    # ---- what arrives ----------------------------------------------------------

    def event(self, time, value):
        self.pass_to(time)
        self.fates["counted"] += 1
        getattr(self, self.rule.kind)(time, value)

    def timer(self, now):
        """Time has passed.  Of a key that never had an event this says that it is expected:
        the silence begins."""
        self.pass_to(now)
        if self.rule.kind == "absent" and self.last is None:
            self.see(now)

    def pass_to(self, now):
        """Time passes: what is due happens at the time at which it is due."""
        while self.due() is not None and self.after_silences(self.due()) <= now:
            due = self.after_silences(self.due())
            if self.rule.kind == "absent":
                self.silence(due)
            else:
                self.calm(due)

    def after_silences(self, time):
        while self.rule.kind == "absent" and (on := [s for s in self.silences if s[0] <= time < s[1]]):
            time = on[0][1]
        return time

    def close(self):
        """The current incident is closed by hand."""
        if self.incident:
            self.incident.closed = True

    # ---- what they share -------------------------------------------------------

    def see(self, time):
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)

    def joins(self, time, last):
        if self.incident is None:
            return False
        if not self.incident.closed and time - last <= self.rule.rearm:
            return True
        self.leave()
        return False

    def leave(self):
        self.incident = None
        if self.rule.kind in JOINING:
            self.kept = []

    def join(self, time):
        self.incident.join(time)
        self.fates["folded"] += 1

    def open(self, at, count, first, last):
        self.incident = Incident(at, count, first, last)
        self.incidents.append(self.incident)
        self.fates["promoted"] += count
        if self.rule.kind in JOINING:
            self.kept = []

    def joined(self, time):
        """For kinds whose events all join: does this one?"""
        last = self.last
        self.see(time)
        if self.joins(time, last):
            self.join(time)
            return True
        return False

    def spans(self, time):
        """The starts of windows that hold ${time}, each at an event that is kept."""
        return sorted({k[0] for k in self.kept if k[0] <= time <= k[0] + self.rule.within})

    def inside(self, start):
        return [k for k in self.kept if start <= k[0] <= start + self.rule.within]

    # ---- count, distinct, sum, all_of ------------------------------------------

    def count(self, time, _):
        if self.joined(time):
            return
        self.kept = (self.kept + [[time]])[-2 * self.rule.least:]
        for start in self.spans(time):
            found = self.inside(start)
            if len(found) >= self.rule.least:
                return self.open(time, len(found), start, max(k[0] for k in found))

    def distinct(self, time, value):
        """Of a value the event that arrived last stands for all, with their number."""
        if self.joined(time):
            return
        n = 1
        for k in self.kept:
            if k[1] == value and abs(time - k[0]) <= self.rule.within:
                n += k[2]
        self.kept = [k for k in self.kept if k[1] != value] + [[time, value, n]]
        self.kept = self.kept[-2 * self.rule.least:]
        for start in self.spans(time):
            found = self.inside(start)
            if len(found) >= self.rule.least:
                return self.open(time, sum(k[2] for k in found), start, max(k[0] for k in found))

    def sum(self, time, value):
        """Of a 64th of the window the event that arrived last stands for all."""
        if self.joined(time):
            return
        length = max(1, self.rule.within // SUM_SLOTS)
        total, n = value, 1
        for k in self.kept:
            if slot(k[0], length) == slot(time, length):
                total, n = total + k[1], n + k[2]
        self.kept = [k for k in self.kept if slot(k[0], length) != slot(time, length)]
        self.kept = (self.kept + [[time, total, n]])[-2 * SUM_SLOTS:]
        for start in self.spans(time):
            found = self.inside(start)
            if sum(k[1] for k in found) >= self.rule.least:
                first = max(slot(start, length), self.first)
                return self.open(time, sum(k[2] for k in found), first, max(k[0] for k in found))

    def keep_steps(self, time, steps, most):
        """The later step first: an event that is both does not follow itself."""
        for step in steps:
            same = [k for k in self.kept if k[1] == step]
            if len(same) >= most:
                self.kept.remove(same[0])
            self.kept.append([time, step])

    def all_of(self, time, steps):
        if self.joined(time):
            return
        self.keep_steps(time, sorted(steps), ALL_OF_KEPT)
        for start in self.spans(time):
            found = self.inside(start)
            if len({k[1] for k in found}) == self.rule.nsteps:
                return self.open(time, len(found), start, max(k[0] for k in found))

    # ---- sequence ----------------------------------------------------------------

    def sequence(self, time, steps):
        if self.joined(time):
            return
        self.keep_steps(time, sorted(steps, reverse=True), SEQUENCE_KEPT)
        new = {id(k) for k in self.kept[-len(steps):]}
        ordered = sorted(self.kept, key=lambda k: k[0])  # stable: else as they arrived
        for end, k in enumerate(ordered):
            if k[1] != self.rule.nsteps - 1:
                continue
            starts = [start for start, has_new in self.chains(ordered, new, end)
                      if has_new and k[0] - start <= self.rule.within]
            if starts:
                positive = [p for p in ordered[:end + 1]
                            if p[0] >= max(starts) and p[1] not in self.rule.negative]
                return self.open(time, len(positive), max(starts), k[0])

    def chains(self, ordered, new, end):
        """Of all chains of steps up to the one at ${end}: (start, is the event in it that
        has just arrived)."""
        time, step = ordered[end]
        is_new = id(ordered[end]) in new
        before = step - 1
        while before in self.rule.negative:
            before -= 1
        if before < 0:
            return {(time, is_new)}
        found = set()
        for i in range(end):
            between = {k[1] for k in ordered[i + 1:end]}
            if ordered[i][1] == before and not between & set(range(before + 1, step)):
                found |= {(start, has or is_new) for start, has in self.chains(ordered, new, i)}
        return found

    # ---- absent -------------------------------------------------------------------

    def absent(self, time, _):
        if self.last is None or time > self.last:
            self.missing = False
        self.see(time)

    def silence(self, at):
        """No event has come: none is promoted or folded."""
        fates = dict(self.fates)
        self.missing = True
        if self.joins(at, self.incident.last if self.incident else None):
            self.join(at)
        else:
            self.open(at, 1, self.last, at)
        self.fates = fates

    # ---- first_seen ---------------------------------------------------------------

    def first_seen(self, time, value):
        self.see(time)
        seen = [k for k in self.kept if k[1] == value]
        new = not seen or time - seen[0][0] > self.rule.within
        if seen:
            seen[0][0] = max(seen[0][0], time)
        else:
            if len(self.kept) >= VALUES_KEPT:
                self.kept.remove(min(self.kept, key=lambda k: k[0]))
            self.kept.append([time, value])
        if not new or time - self.first < self.rule.learning:
            self.fates["known"] += 1
        elif self.joins(time, self.incident.last if self.incident else None):
            self.join(time)
        else:
            self.open(time, 1, time, time)

    # ---- spike --------------------------------------------------------------------

    def spike(self, time, _):
        """Only the newest slot can be a spike, and only its events join."""
        self.see(time)
        self.kept.append([time])
        length = self.rule.within
        start = slot(time, length)
        past = min(self.rule.slots, (start - slot(self.first, length)) // length)
        now = [k[0] for k in self.kept if slot(k[0], length) == start]
        before = [k for k in self.kept
                  if start - self.rule.slots * length <= k[0] < start]
        if (start != slot(self.last, length) or time - self.first < self.rule.learning
                or past < 1 or len(now) < self.rule.least
                or len(now) * 100 * past < self.rule.factor * len(before)):
            return
        if self.joins(time, self.incident.last if self.incident else None):
            self.join(time)
        else:
            self.open(time, len(now), min(now), self.last)

    # ---- rate ---------------------------------------------------------------------

    def rate_slots(self, now):
        """The slots, a 16th of the window each, that begin less than a window ago."""
        length = max(1, self.rule.within // RATE_SLOTS)
        slots = [slot(k[0], length) for k in self.kept]
        return [s for s in slots if now - s < self.rule.within]

    def rate(self, time, _):
        self.see(time)
        self.kept.append([time])
        slots = self.rate_slots(self.last)
        if self.incident and not self.incident.closed:
            return self.join(time)
        self.incident = None
        if len(slots) >= self.rule.least:
            self.open(time, len(slots), min(slots + [time]), self.last)

    def calm(self, at):
        """What has left the window by now does not count again for late events."""
        length = max(1, self.rule.within // RATE_SLOTS)
        self.kept = [k for k in self.kept if at - slot(k[0], length) < self.rule.within]
        self.incident.over = at
        self.leave()

    # ---- what time alone changes ------------------------------------------------------

    def due(self):
        if self.rule.kind == "absent" and self.last is not None and not self.missing:
            return self.last + self.rule.within
        if self.rule.kind == "rate" and self.incident and not self.incident.closed:
            for start in sorted(self.rate_slots(self.last)):
                at = start + self.rule.within
                if len(self.rate_slots(at)) < self.rule.below:
                    return at
        return None
