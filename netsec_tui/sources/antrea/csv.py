"""Decode the lines that Antrea's Flow Aggregator logs (FlowLogger) and puts into S3: CSV without a header.

Read from antrea, pkg/flowaggregator/flowlogger. Versions differ in what stands after the addresses and at the
end; fields are never quoted, so only those at the beginning can be counted on.
"""

from __future__ import annotations

from netsec_tui.model.flow import Flow
from netsec_tui.sources.antrea.decode import UnusableError, port_of, require
from netsec_tui.sources.antrea.flows import ALLOW, DROP, NO_ACTION, REJECT, Connections, End, Seen, service_of
from netsec_tui.sources.fields import canonical_ip, text
from netsec_tui.sources.problem import Problem

ORIGIN = "antrea-log"
"""Not that of the other forms: these tell of answers, and what they do not tell of was not answered."""

_FEWEST, _MOST = 26, 200
_PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132, "ICMP": 1, "ICMPV6": 58, "IPV6-ICMP": 58}
_ACTIONS = {"1": ALLOW, "2": DROP, "3": REJECT, "Allow": ALLOW, "Drop": DROP, "Reject": REJECT}
"""Actions as numbers, or as words with prettyPrint."""

_LONGEST_LINE = 65_536


def looks(head: bytes) -> bool:
    """Tell whether the first line of an input is one that Antrea's Flow Aggregator logs."""
    try:
        _seen(head.partition(b"\n")[0].decode("utf-8", "replace"))
    except UnusableError:
        return False
    return True


class AntreaCsvDecoder:
    """Decode lines one by one."""

    def __init__(self) -> None:
        self._connections = Connections(ORIGIN)

    def decode(self, line: str) -> list[Flow | Problem]:
        """Return the flows in a line, nothing for what repeats within the minute. Never raises."""
        try:
            return [*self._connections.flows(_seen(line))]
        except UnusableError as error:
            return [Problem(str(error))]


def _seen(line: str) -> Seen:
    fields = line[:_LONGEST_LINE].strip().split(",", _MOST)
    if len(fields) < _FEWEST:
        raise UnusableError(
            f"not a line of Antrea's flow log: it has {len(fields)} fields, not {_FEWEST} or more"
        )
    source, destination = canonical_ip(fields[2]), canonical_ip(fields[3])
    protocol = _PROTOCOLS.get(fields[6].upper()) or _number(fields[6])
    at = float(_number(fields[1]))
    require(source, destination, protocol, at)
    more = not fields[14].isdecimal()  # newer versions have the address of a node port or load balancer too
    service = fields[14 + more :]
    return Seen(
        at,
        protocol,
        End(source, text(fields[8]), text(fields[7]), (), text(fields[9])),
        port_of(_number(fields[4])),
        End(destination, text(fields[11]), text(fields[10]), (), text(fields[12])),
        port_of(_number(fields[5])),
        _ACTIONS.get(service[5], NO_ACTION),
        _ACTIONS.get(service[10], NO_ACTION),
        service=service_of(text(service[1])),
        service_ip=canonical_ip(fields[14] if more else fields[13]) or canonical_ip(fields[13]),
        service_port=port_of(_number(service[0])),
    )


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 13 else 0
