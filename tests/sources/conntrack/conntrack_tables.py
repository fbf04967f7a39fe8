"""Made-up connection tracking tables, read one after the other."""

from __future__ import annotations

from netsec_tui.sources.conntrack.entry import Entry, EntryDecoder
from netsec_tui.sources.conntrack.flows import Connections
from tests.sources.conntrack.conntrack_lines import line

NOW = 1_800_000_000.0
UDP = {"protocol": "udp", "state": ""}
SERVICE = {"destination": "10.96.0.7:80", "server": "10.244.1.8:8080"}
SERVER, CLIENT = "10.244.1.8", "10.244.1.5"
LISTENS = "10.244.1.8:50051"
LEARNT = line("10.244.1.6:40000", LISTENS, state="SYN_RECV")
HIGH = {"source": "10.244.1.5:20000", "destination": "10.244.1.8:50051"}
SYN = {"state": "SYN_SENT", "answered": False, "timeout": 119}


class Tables:
    """Read made-up tables one after the other."""

    def __init__(self):
        self.connections = Connections()
        self.decoder = EntryDecoder()

    def read(self, *lines, at=0.0, node="n1"):
        entries = [self.decoder.decode(text) for text in lines]
        assert all(isinstance(entry, Entry) for entry in entries)
        return list(self.connections.take(node, entries, NOW + at))


def arrows(flows):
    """Return flows as ``client -> server`` and answers as ``client <- server``, with their ports."""
    told = []
    for flow in flows:
        ends = [f"{flow.source.ip}:{flow.source_port}", f"{flow.destination.ip}:{flow.destination_port}"]
        told.append(" <- ".join(ends[::-1]) if flow.is_reply else " -> ".join(ends))
    return told


def proven(flows):
    """Return the connections whose direction the flows call proven."""
    return set(arrows(flow for flow in flows if flow.proven and not flow.is_reply))


def corrections(flows):
    return arrows(flow for flow in flows if flow.count == 0 and not flow.is_reply)
