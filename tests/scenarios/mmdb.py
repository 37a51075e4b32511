"""Writes small files in the MaxMind DB format, version 2.0: a search tree by the bits of
addresses, sixteen zero bytes, the data, a marker and the metadata."""

import ipaddress
import os

MARKER = b"\xab\xcd\xefMaxMind.com"


def control(kind, size):
    """The bytes before a value: its type, and its size."""
    if size < 29:
        low, more = size, b""
    elif size < 285:
        low, more = 29, bytes([size - 29])
    else:
        low, more = 30, (size - 285).to_bytes(2, "big")
    if kind > 7:
        return bytes([low, kind - 7]) + more
    return bytes([kind << 5 | low]) + more


class Wide(int):
    """A number that is written with 64 bits."""


class Short(int):
    """A number that is written with 16 bits."""


def value(v):
    if isinstance(v, str):
        text = v.encode()
        return control(2, len(text)) + text
    if isinstance(v, dict):
        return control(7, len(v)) + b"".join(value(k) + value(v[k]) for k in v)
    if isinstance(v, list):
        return control(11, len(v)) + b"".join(map(value, v))
    kind = 9 if isinstance(v, Wide) else 5 if isinstance(v, Short) else 6
    number = int(v).to_bytes((v.bit_length() + 7) // 8, "big")
    return control(kind, len(number)) + number


def bits_of(network, version):
    """The way to a network, as text of 0 and 1."""
    net = ipaddress.ip_network(network)
    bits = f"{int(net.network_address):0{net.max_prefixlen}b}"[:net.prefixlen]
    return "0" * 96 + bits if net.version == 4 and version == 6 else bits


def record_bytes(pair, size):
    left, right = pair
    if size == 28:
        return (left & 0xffffff).to_bytes(3, "big") + bytes([left >> 24 << 4 | right >> 24]) + \
            (right & 0xffffff).to_bytes(3, "big")
    return left.to_bytes(size // 8, "big") + right.to_bytes(size // 8, "big")


def make(entries, kind, record_size=24, version=6):
    """The bytes of a database of these {network: value}; no network holds another."""
    nodes, data = [[None, None]], b""
    for network, entry in entries.items():
        at, way = 0, bits_of(network, version)
        for bit in map(int, way[:-1]):
            if nodes[at][bit] is None:
                nodes[at][bit] = len(nodes)
                nodes.append([None, None])
            at = nodes[at][bit]
        nodes[at][int(way[-1])] = ("data", len(data))
        data += value(entry)

    def number(child):
        if child is None:
            return len(nodes)
        return child if isinstance(child, int) else len(nodes) + 16 + child[1]

    tree = b"".join(record_bytes([number(c) for c in node], record_size) for node in nodes)
    meta = {"node_count": len(nodes), "record_size": Short(record_size),
            "ip_version": Short(version), "database_type": kind, "languages": ["en"],
            "binary_format_major_version": Short(2), "binary_format_minor_version": Short(0),
            "build_epoch": Wide(1767225600), "description": {"en": "for tests"}}
    return tree + bytes(16) + data + MARKER + value(meta)


def countries(entries, **form):
    return make({net: {"continent": {"code": "XX", "names": {"en": "a name"}},
                       "country": {"iso_code": code, "names": {"en": "a name"}}}
                 for net, code in entries.items()}, "Test-Country", **form)


def networks(entries, **form):
    return make({net: {"autonomous_system_number": number, "autonomous_system_organization": name}
                 for net, (number, name) in entries.items()}, "Test-ASN", **form)


def put(path, data):
    """As programs that fetch such files do: all of it at once, by a rename."""
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)


def seeds(directory):
    """What tests/check_geoip.c looks into, and the fuzzer begins with."""
    os.makedirs(directory, exist_ok=True)
    lands = {"192.0.2.0/24": "DE", "198.51.100.0/25": "FR", "203.0.113.77/32": "JP"}
    six = {"2001:db8::/33": "NZ", "fd00::/8": "XX"}
    nets = {"192.0.2.0/25": (64500, "One"), "198.51.100.0/24": (4294967295, "Zw\u00f6lf"),
            "10.0.0.0/8": (64511, "private")}
    strange = {"192.0.2.1/32": {"country": {"iso_code": "DEU"}},
               "192.0.2.2/32": {"country": {"iso_code": "de"}},
               "192.0.2.3/32": {"country": {"iso_code": 276}},
               "192.0.2.4/32": {"country": "DE"},
               "192.0.2.5/32": {"country": {"iso_code": ""}},
               "192.0.2.6/32": {"country": {"names": {"en": "no code"}}},
               "192.0.2.7/32": {"names": ["a" * 300, Wide(1)], "country": {"iso_code": "AT"}}}
    names = {"192.0.2.1/32": (1, "\u20ac" * 100), "192.0.2.2/32": (0, "a\nb\x7fc"),
             "192.0.2.3/32": ("AS1", 7), "192.0.2.4/32": (Short(23456), "x" * 128),
             "192.0.2.5/32": (Wide(5000000000), "")}
    for name, data in {
            "country-24": countries(dict(lands, **six)), "country-28": countries(lands, record_size=28),
            "country-32-v4": countries(lands, record_size=32, version=4),
            "asn-28": networks(nets, record_size=28), "strange-country": make(strange, "Strange"),
            "strange-asn": networks(names)}.items():
        with open(os.path.join(directory, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    seeds(os.path.join(os.path.dirname(__file__), "../fuzz/corpus/geoip"))
