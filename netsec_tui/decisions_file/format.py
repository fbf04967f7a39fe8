"""What stands in a decisions file, for writing and reading alike; docs/decisions.md describes it."""

from __future__ import annotations

from netsec_tui.model.identity import API_SERVER, EXTERNAL, Peer, PeerSort

SCHEMA = 1
KIND = "decisions"

KEYS = ("schema", "kind", "workload", "aliases", "ingress", "egress")
WORKLOAD_KEYS = ("namespace", "kind", "name")
HELD = "held"
LISTS = ("in", "out", HELD)
SIDE_KEYS = ("generalRule", "dns", "manualRules", *LISTS, "otherRules")
ROW_KEYS = (
    "peer",
    "namespace",
    "kind",
    "name",
    "protocol",
    "port",
    "servicePorts",
    "podPorts",
    "selector",
    "addresses",
)
MANUAL_KEYS = ("cidr", "protocol", "ports")

PEER_KEYS: dict[PeerSort, tuple[str, ...]] = {
    PeerSort.OWNER: ("namespace", "kind", "name"),
    PeerSort.SERVICE: ("namespace", "name"),
    PeerSort.API_SERVER: (),
    PeerSort.NODE: ("name",),
    PeerSort.ADDRESS: ("name",),
    PeerSort.ALIAS: ("name",),
    PeerSort.EXTERNAL: (),
    PeerSort.NETWORK: ("name",),
}
"""What names a peer of each sort; name look-ups at the cluster DNS are ``dns: true`` instead of a row."""

STOOD_KEYS: dict[PeerSort, tuple[str, ...]] = {
    PeerSort.SERVICE: ("podPorts", "selector", "addresses"),
    PeerSort.NODE: ("addresses",),
}
"""What tells besides what rows of a sort stood for; of aliases ``aliases`` tells it once for all rows."""

KINDS = {
    PeerSort.SERVICE: "Service",
    PeerSort.NODE: "Node",
    PeerSort.ADDRESS: "IP",
    PeerSort.ALIAS: "Alias",
    PeerSort.NETWORK: "Network",
}
"""The kind of peers that need not write it."""

SINGLES: dict[PeerSort, Peer] = {PeerSort.API_SERVER: API_SERVER, PeerSort.EXTERNAL: EXTERNAL}
"""The peers that there is one of."""
