"""One line of ``ovs-appctl dpctl/dump-conntrack``, as Open vSwitch writes entries.

With ``-m`` they tell whether an answer came, with ``-s`` when they began.
The form is that of lib/ct-dpif.c (ct_dpif_format_entry).
"""

from __future__ import annotations

import re
from datetime import datetime

from netsec_tui.errors import BadInputError
from netsec_tui.sources.conntrack.entry import Entry, Unread
from netsec_tui.sources.conntrack.known import OPEN
from netsec_tui.sources.inventory.addresses import canonical_ip

_LINE = re.compile(r"([a-z0-9_-]{1,16}),orig=\(([^()]*)\),reply=\(([^()]*)\)(.*)")
_FIELD = re.compile(r"([a-z_]+)=([^,()]*)")
_PROTOINFO = re.compile(r",protoinfo=\(([^()]*)\)")
_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132, "udplite": 136, "dccp": 33}
_LONGEST = 2000
_ANSWERED_STATES = frozenset({"SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT"})


def looks_like_dpctl(line: str) -> bool:
    """Tell whether a line has the form."""
    return len(line) <= _LONGEST and _LINE.match(line) is not None


def decode_dpctl(line: str) -> Entry | Unread:
    """Return the entry that a line holds, or why there is none; never raises."""
    found = _LINE.match(line) if len(line) <= _LONGEST else None
    if found is None:
        return Unread("not an entry of dpctl/dump-conntrack: orig=(...) and reply=(...) are expected")
    name, orig, reply, rest = found.groups()
    number = _NUMBERS.get(name)
    if number is None:
        number = int(name) if name.isdecimal() and int(name) < 256 else 255
    try:
        asked, answered = (dict(_FIELD.findall(part)) for part in (orig, reply))
        ends = [canonical_ip(side[end]) for side in (asked, answered) for end in ("src", "dst")]
        ports = [_port(side.get(end)) for side in (asked, answered) for end in ("sport", "dport")]
    except (KeyError, BadInputError):
        return Unread("src= or dst= is missing, or holds no IP address")
    except ValueError:
        return Unread("a port is no number from 0 to 65535")
    protoinfo = _PROTOINFO.search(rest)
    told = dict(_FIELD.findall(_PROTOINFO.sub("", rest)))
    info = dict(_FIELD.findall(protoinfo[1])) if protoinfo else {}
    state = info.get("state", "") or _state(info)
    key = (number, ends[0], ports[0], ends[1], ports[1], ends[2], ports[2], ends[3], ports[3])
    zone = f" zone={told['zone']}" if told.get("zone", "0") != "0" else ""
    tag = f"{asked.get('type', '')}/{asked['id']}" if "id" in asked and "sport" not in asked else ""
    timeout = told.get("timeout", "")
    return Entry(
        (*key, zone, tag),
        state,
        int(timeout) if timeout.isdecimal() and len(timeout) < 10 else -1,
        _answered(told.get("status"), state or info.get("state_orig", "")),
        -1,
        _start(told.get("start", "")),
    )


def _port(text: str | None) -> int:
    port = int(text or 0)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _state(info: dict[str, str]) -> str:
    """Return the state of an open connection, of which the userspace datapath tells one for each side.

    It tells SYN_SENT of any first packet: that is no opening.
    """
    return OPEN if info.get("state_orig") == info.get("state_reply") == OPEN else ""


def _answered(status: str | None, state: str) -> bool | None:
    """Tell whether an answer was seen; without -m only TCP's state tells it, and nothing of the others."""
    if status is not None:
        return "SEEN_REPLY" in status.split("|")
    if not state:
        return None
    return state.startswith("FIN_WAIT") or state in _ANSWERED_STATES


def _start(text: str) -> float:
    try:
        return datetime.fromisoformat(f"{text}+00:00").timestamp() if text else -1.0
    except (ValueError, OverflowError):
        return -1.0
