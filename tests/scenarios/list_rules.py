"""Rules with lists, for scenarios of lists from wherever: a login is an incident of the rule
any, and of the rule blocked from an address of that list; own is an exception; a host of the
list hosts that is silent is an incident of the rule silent."""

import harness

RULES = r"""
lists:
  - {id: blocked, @BLOCKED}
  - {id: own, values: [192.0.2.200], @OWN}
  - {id: hosts, @HOSTS}
events:
  - id: app.login
    title: login
    class: test
    severity: info
    match: '^login user=(?<user_name>\S+) ip=(?<source_ip>\S+)$'
    unless:
      - source_ip: '@own'
  - id: app.beat
    title: beat
    class: test
    severity: info
    match: '^beat (?<host_name>\S+)$'
incidents:
  - id: blocked
    title: 'Login from a blocked address'
    severity: low
    criteria: x
    on: [app.login]
    by: [source_ip]
    where: {source_ip: '@blocked'}
    count: 1
    within: 10m
  - id: any
    title: 'Login'
    severity: low
    criteria: x
    on: [app.login]
    by: [source_ip]
    unless: @ANY_UNLESS
    count: 1
    within: 10m
  - id: silent
    title: '{host_name} is silent'
    severity: low
    criteria: x
    on: [app.beat]
    by: ['lower(host_name)']
    absent: @ABSENT
    each: '@hosts'
"""


def rules(blocked, own, hosts, absent, any_unless="[]"):
    """Where the values of each list are from, as the list says it."""
    text = RULES
    for name, value in {"BLOCKED": blocked, "OWN": own, "HOSTS": hosts, "ABSENT": absent,
                        "ANY_UNLESS": any_unless}.items():
        text = text.replace("@" + name, value)
    return text


def login(address, user="ann"):
    return f"login user={user} ip={address}".encode()


def counts(daemon, rule):
    """How often what, by the key; None while the daemon cannot tell."""
    rows = daemon.ctl_or_none("incidents", "--all")
    return None if rows is None else {
        ",".join(i["key"].values()): i["count"] for i in rows if i["rule"] == rule}


def wait_key(daemon, rule, key, what, seconds=harness.PATIENCE):
    harness.wait(lambda: key in (counts(daemon, rule) or {}), what, seconds)


def status(daemon, name):
    return next(row for row in daemon.ctl("status")["lists"] if row["list"] == name)


def wait_values(daemon, name, number, seconds=harness.PATIENCE):
    harness.wait_equal(lambda: status(daemon, name)["values"], number, f"values of {name}", seconds)
