#!/usr/bin/python3 -B
"""The Nth write, fdatasync, fsync, rename, open, ftruncate or unlink of the daemon fails
with EIO or ENOSPC, N = 1, 2, ... until it is not called that often.  The daemon stays up,
or ends and says why.  After a clean start no line of the file is lost or counted twice;
of what was sent, all that is missing was told, unless the daemon ended.

Takes a build without sanitizers: PLAIN_TRIAGED, else TRIAGED.
"""

import errno
import os
import time

import fault
from fault import Failure, Ledger, Log, check

CALLS = ("write", "fdatasync", "fsync", "rename", "open", "ftruncate", "unlink")


class Scene:
    def __init__(self, test, run, library, failing):
        self.run, self.test = run, test
        self.ledger = Ledger(block=20)
        self.sent = Ledger(block=20, name="n")
        self.log = Log(test.path("app.log"), self.ledger)
        port = fault.free_port()
        self.sender = fault.StreamSender(("127.0.0.1", port), self.sent)
        self.daemon = fault.start_case(
            test, sources=[{"id": "log", "files": [self.log.path], "start": "beginning"},
                           fault.listener("net", f"tcp://127.0.0.1:{port}")])
        self.daemon.program = fault.plain_program()
        self.environment = {"LD_PRELOAD": library, "FAIL": failing, "FAIL_LOG": test.path("failed"),
                            "FAIL_PROGRAM": os.path.basename(self.daemon.program)}

    def play(self):
        """With the failure; true when the daemon was up to the end."""
        self.daemon.environment = self.environment
        self.daemon.start(ready=False)
        for n in range(6):
            self.log.write(25)
            self.send()
            if n in (2, 4):
                self.until(self.daemon.has_committed, 5)
                self.log.rotate(compress="gzip" if n == 4 else None)
            time.sleep(0.03)
            if not self.daemon.runs():
                return False
        self.until(self.is_counted, 3)
        return self.daemon.runs()

    def send(self):
        deadline = time.monotonic() + 2
        while self.daemon.runs() and time.monotonic() < deadline:
            try:
                self.sender.send(0)  # only connects
                self.sender.send(10)
                return
            except OSError:
                self.sender.close()
                time.sleep(0.02)

    def until(self, condition, seconds):
        """Until it is true, or the daemon has ended, or time is up: what follows says."""
        deadline = time.monotonic() + seconds
        while self.daemon.runs() and time.monotonic() < deadline and not condition():
            time.sleep(0.02)

    def is_counted(self):
        difference = self.daemon.difference(self.ledger, self.sent)
        return difference is not None and not difference

    def failed(self):
        try:
            with open(self.test.path("failed"), encoding="utf-8", errors="replace") as f:
                return f.read().strip()
        except FileNotFoundError:
            return ""

    def check(self, stayed_up, what):
        if stayed_up:
            self.daemon.end()
        else:
            status = self.daemon.popen.poll()
            check(status in (1, 2), f"{what}: the daemon ended with status {status}")
            check(self.daemon.said().strip() != "", f"{what}: it ended and did not say why")
        self.daemon.environment = {}
        self.daemon.start()
        difference = self.settle_file(what)
        missing = difference.lost
        told = sum(row.get("messages", 0) for row in self.daemon.told().values())
        check(not stayed_up or missing <= told,
              f"{what}: {missing} messages sent are missing, {told} are told")
        self.run.add(messages_missing_and_told=missing if stayed_up else 0,
                     messages_in_flight_when_it_ended=0 if stayed_up else missing)
        self.daemon.end()

    def settle_file(self, what):
        """The file exactly; of the rest, what is not there after a while is missing."""
        self.until(self.is_counted, fault.QUIET)
        file = self.daemon.difference(self.ledger)
        sent = self.daemon.difference(self.sent)
        self.run.add(lost=file.lost, doubled=file.doubled + sent.doubled)
        check(not file, f"{what}: the file: {file}")
        check(not sent.doubled, f"{what}: what was sent: {sent}")
        return sent


def one(run, library, call, n, error, count):
    what = f"{call} {n}" + (f" to {n + count - 1}" if count > 1 else "") + f" {errno.errorcode[error]}"
    test = fault.FaultTest()
    try:
        scene = Scene(test, run, library, f"{call}:{n}:{error}:{count}")
        up = scene.play()
        failed = scene.failed()
        try:
            scene.check(up, what)
        except fault.TooLong:
            raise
        except Failure as failure:
            test.print_logs()
            raise Failure(f"{failure}; failed: {failed}") from None
        return failed, up
    finally:
        test.clean_up()


def sweep(call):
    def of_call(test, run):
        fault.plain_program()
        library = fault.build_c(test, "fail.c", "-shared", "-fPIC", "-ldl")
        failures = []
        tries = [(n, run.rng.choice((errno.EIO, errno.ENOSPC)), 1)
                 for n in range(1, run.either(3, 400) + 1)]
        tries += [(3, errno.EIO, 3), (1, errno.ENOSPC, 10 ** 6)]
        over = False
        for n, error, count in tries:
            if over and count == 1:
                continue
            try:
                failed, up = one(run, library, call, n, error, count)
            except fault.TooLong:
                raise
            except Failure as failure:
                failures.append(str(failure))
                print(f"FAILED: {failure}", flush=True)
                continue
            over = over or failed == ""  # it is not called that often
            run.add(failures=len(failed.splitlines()), ends=not up)
        check(not failures, f"{len(failures)} failed:\n", "\n".join(failures))
    of_call.__name__ = call
    return of_call


fault.main(*map(sweep, CALLS))
