#!/usr/bin/python3 -B
"""Where addresses are from, in a running daemon and in commands without one: keys, titles,
values that differ, values never seen before, filters and exceptions by country and network.
The files change while the daemon runs: for a good one, for a broken one, cut in place, gone.
"""

import os
import re

import harness
import mmdb
from harness import check, equal, program, run, wait, wait_equal

RULES = r"""
lists:
  - id: home
    values: [DE, AT]
events:
  - id: app.login
    title: login
    class: test
    severity: info
    match: '^login user=(?<user_name>\S+) ip=(?<source_ip>\S+)$'
    unless:
      - source_as_organization_name: 'Our own, Inc.'
    tests:
      - line: 'Jan  1 12:00:00 host app[7]: login user=ann ip=192.0.2.1'
        event: {source_geo_country_iso_code: DE, source_as_number: '64500'}
      - line: 'Jan  1 12:00:00 host app[7]: login user=ann ip=203.0.113.200'
        event: none
  - id: app.plain
    title: plain
    class: test
    severity: info
    match: '^plain ip=(?<source_ip>\S+)$'
incidents:
  - id: by-country
    title: 'Logins from {source_geo_country_iso_code}'
    severity: low
    criteria: x
    on: [app.login]
    by: [source_geo_country_iso_code]
    count: 2
    within: 10m
    tests:
      - name: two from one country
        lines:
          - {line: 'login user=ann ip=192.0.2.1', repeat: 2, every: 1s}
        incidents: [{key: {source_geo_country_iso_code: DE}, count: 2, title: Logins from DE}]
  - id: far-travelled
    title: 'Many networks'
    severity: low
    criteria: x
    on: [app.login]
    by: [user_name]
    distinct: {field: source_as_number, at_least: 3}
    within: 10m
  - id: abroad
    title: 'From abroad'
    severity: low
    criteria: x
    on: [app.login]
    by: [user_name]
    unless:
      - source_geo_country_iso_code: '@home'
    count: 1
    within: 10m
  - id: home
    title: 'From home'
    severity: low
    criteria: x
    on: [app.login]
    by: [user_name, source_as_organization_name]
    where: {source_geo_country_iso_code: '@home'}
    count: 1
    within: 10m
"""

UNTESTED = re.sub(r"(?m)^    tests:\n(?:      .*\n)+", "", RULES)

COUNTRIES = {"192.0.2.0/24": "DE", "198.51.100.0/25": "FR", "203.0.113.0/24": "JP",
             "2001:db8::/33": "NZ", "10.0.0.0/8": "XX"}
NETWORKS = {"192.0.2.0/25": (64500, "One"), "192.0.2.128/25": (64501, "Two"),
            "198.51.100.0/24": (4200000000, "A network \u20ac"),
            "203.0.113.128/25": (64503, "Our own, Inc."), "2001:db8::/32": (64504, "Six")}


def login(user, ip):
    return f"login user={user} ip={ip}".encode()


def incidents(daemon):
    rows = daemon.ctl_or_none("incidents", "--all")
    return None if rows is None else sorted(
        (i["rule"], ",".join(i["key"].values()), i["count"]) for i in rows)


def files(test):
    mmdb.put(test.path("country.mmdb"), mmdb.countries(COUNTRIES, record_size=24))
    mmdb.put(test.path("asn.mmdb"), mmdb.networks(NETWORKS, record_size=28))
    return {"country": test.path("country.mmdb"), "asn": test.path("asn.mmdb")}


def config(test, **geoip):
    test.rules(RULES)
    return test.config([test.path("app.log")], geoip=geoip)


def geoip_status(daemon):
    return {f["name"]: f for f in daemon.ctl("status")["geoip"]}


def in_the_daemon(test):
    test.append_lines("app.log", [
        login("ann", "192.0.2.1"), login("ann", "192.0.2.200"), login("ann", "198.51.100.7"),
        login("bob", "10.1.2.3"), login("bob", "10.1.2.3"), login("bob", "::ffff:192.0.2.9"),
        login("eve", "203.0.113.200"), login("eve", "203.0.113.201"), login("eve", "203.0.113.1"),
        login("kim", "2001:DB8::7"), login("kim", "2001:db8::8"),
        login("kim", "2001:db8:8000::1")])
    daemon = test.daemon(config(test, **files(test))).start()
    wait_equal(lambda: incidents(daemon), [
        ("abroad", "ann", 1), ("abroad", "bob", 2), ("abroad", "eve", 1), ("abroad", "kim", 3),
        ("by-country", "DE", 3), ("by-country", "NZ", 2), ("far-travelled", "ann", 3),
        ("home", "ann,One", 1), ("home", "ann,Two", 1), ("home", "bob,One", 1)], "incidents")
    titles = {i["title"] for i in daemon.incidents() if i["rule"] == "by-country"}
    equal(titles, {"Logins from DE", "Logins from NZ"}, "titles")
    days = daemon.ctl("rule", "by-country")["days"]
    equal(sum(day.get("no-key", 0) for day in days.values()), 3, "events of no known country")
    status = geoip_status(daemon)
    equal((status["country"]["type"], status["country"]["built"][:10], status["asn"]["problem"]),
          ("Test-Country", "2026-01-01", None), "status")
    check(b"geoip      asn: " in daemon.ctl_raw("status").stdout, "status as text")


def files_that_change(test):
    paths = files(test)
    daemon = test.daemon(config(test, **paths)).start()
    test.append_lines("app.log", [login("ann", "198.51.100.1")] * 2)
    wait(lambda: ("by-country", "FR", 2) in incidents(daemon), "the first file is in use")

    mmdb.put(paths["country"], mmdb.countries(dict(COUNTRIES, **{"198.51.100.0/25": "ES"}),
                                              record_size=32))
    wait(lambda: daemon.said().count("geoip: country:") == 2, "the new file is read")
    test.append_lines("app.log", [login("ann", "198.51.100.1")] * 2)
    wait(lambda: ("by-country", "ES", 2) in incidents(daemon), "the new file is in use")

    # Cut in place, as cp begins: what was read stays, and nothing crashes.
    with open(paths["country"], "r+b") as f:
        f.truncate(100)
    wait(lambda: geoip_status(daemon)["country"]["problem"], "the broken file is told")
    check("still used" in daemon.said(), "that the old one is used is told")
    check(b"PROBLEM: is no MaxMind DB file" in daemon.ctl_raw("status").stdout, "and shown")
    os.unlink(paths["asn"])
    wait(lambda: geoip_status(daemon)["asn"]["problem"], "that a file is gone is told")
    test.append_lines("app.log", [login("zoe", "203.0.113.1"), login("zoe", "203.0.113.1"),
                                  login("zoe", "192.0.2.129")])
    wait(lambda: ("by-country", "JP", 2) in incidents(daemon), "the old file is in use")
    wait(lambda: ("home", "zoe,Two", 1) in incidents(daemon), "both are")


def files_that_are_missing(test):
    files(test)
    # One not there, one in the place of the other.
    conf = config(test, country=test.path("later.mmdb"), asn=test.path("country.mmdb"))
    test.rules(UNTESTED)
    done = run([program("TRIAGED", "triaged"), "-t", "-c", conf])
    equal(done.returncode, 0, f"status of a check, which said {done.stderr}")
    check(b"later.mmdb: No such file" in done.stderr, "the check tells what is missing:", done.stderr)
    check(b"is of type Test-Country; is it the file of country?" in done.stderr,
          "the check tells what is mistaken:", done.stderr)
    daemon = test.daemon(conf).start()
    test.append_lines("app.log", [login("ann", "192.0.2.1")] * 3)
    wait(lambda: ("abroad", "ann", 3) in incidents(daemon), "the daemon works without")
    os.link(test.path("country.mmdb"), test.path("later.mmdb"))
    wait(lambda: geoip_status(daemon)["country"]["type"], "the file is found once it is there")
    test.append_lines("app.log", [login("ann", "192.0.2.1")] * 2)
    wait(lambda: ("by-country", "DE", 2) in incidents(daemon), "and used")


def without_a_daemon(test):
    conf = config(test, **files(test))
    ctl = [program("TRIAGECTL", "triagectl"), "-c", conf]
    test.append_lines("app.log", [b"plain ip=198.51.100.5", login("ann", "192.0.2.1"),
                                  login("ann", "192.0.2.2")])
    rows = harness.replay(conf, test.path("app.log"))
    fields = [r["fields"] for r in rows if r["type"] == "event"]
    equal(fields[0], {"source.ip": "198.51.100.5", "source.geo.country_iso_code": "FR",
                      "source.as.number": "4200000000",
                      "source.as.organization.name": "A network \u20ac"}, "the event's fields")
    equal([r["title"] for r in rows if r["type"] == "incident" and r["rule"] == "by-country"],
          ["Logins from DE"], "incidents")
    done = run([*ctl, "explain", "login user=ann ip=203.0.113.200"])
    check(b"excluded by unless #1: source_as_organization_name is Our own, Inc." in done.stdout,
          "explain:", done.stdout)
    done = run([*ctl, "rules", "test"])
    equal(done.returncode, 0, f"rules test, which said {done.stdout}")
    # Without a configuration nothing is known, and the tests that ask for it fail.
    done = run([ctl[0], "rules", "test", test.path("rules")])
    check(b"expected source.geo.country_iso_code = DE, got nothing" in done.stdout + done.stderr,
          "without files:", done.stdout)


def mistakes(test):
    test.append_lines("app.log", [])
    done = run([program("TRIAGED", "triaged"), "-t", "-c", config(test, asn="asn.mmdb")])
    equal(done.returncode, 2, "status of a check")
    check(b"asn: expected an absolute path" in done.stderr, "a relative path:", done.stderr)
    test.rules(RULES.replace("[source_geo_country_iso_code]", "[source_geo_country_iso_cod]"))
    done = run([program("TRIAGED", "triaged"), "-t", "-c", test.config([test.path("app.log")])])
    check(b'captures "source_geo_country_iso_cod"; did you mean "source_geo_country_iso_code"?'
          in done.stderr, "a wrong name is told:", done.stderr)
    test.rules(RULES.replace("(?<source_ip>", "(?<client_ip>"))
    done = run([program("TRIAGED", "triaged"), "-t", "-c", test.config([test.path("app.log")])])
    check(b'captures "source_ip", from which "source_geo_country_iso_code" is looked up'
          in done.stderr, "no address, no country:", done.stderr)


harness.main(in_the_daemon, files_that_change, files_that_are_missing, without_a_daemon,
             mistakes, together=True)
