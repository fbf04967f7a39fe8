"""Who asked and who answered: Hubble's ways of telling, from proof down to nothing known.

The rules follow cilium, pkg/hubble/parser (threefour, seven, sock): ``traffic_direction`` is the direction
of the connection as seen from the reporting endpoint, so an answer leaving a server is INGRESS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsec_tui.model.flow import Verdict
from netsec_tui.sources.hubble.endpoint import End

Orientation = tuple[bool | None, bool]
"""The fields ``is_reply`` and ``proven`` of a flow."""

_POLICY_VERDICT = 5
_NXDOMAIN = 3
_UPSTREAM = "x-envoy-upstream-service-time"
_AT_DESTINATION = frozenset({"TO_ENDPOINT"})
_AT_SOURCE = frozenset({"TO_STACK", "TO_OVERLAY", "TO_HOST", "TO_NETWORK"})


def orient(
    flow: Mapping[str, Any], verdict: Verdict, flags: tuple[bool, bool], source: End, destination: End
) -> Orientation:
    """Return (is_reply, proven) of a flow that is no socket event; ``flags`` are TCP's SYN and ACK."""
    layer7 = flow.get("l7")
    if type(layer7) is dict and layer7.get("type") in ("REQUEST", "RESPONSE"):
        return layer7["type"] == "RESPONSE", True
    retina = _by_retina(source, destination)
    told = flow.get("is_reply")
    if told is True or flow.get("reply") is True:
        return True, True
    if told is False and not retina:
        return False, True
    handshake = _handshake(flags)
    if handshake is not None:
        return handshake, True
    if told is False:
        return False, False
    if verdict in (Verdict.DROPPED, Verdict.ERROR):
        return False, False  # Hubble assumes that a dropped packet is no answer; so no proof
    if _event_type(flow) == _POLICY_VERDICT:
        return False, True  # made for the first packet of a connection only
    derived = _by_direction(flow, source, destination)
    return derived, derived is not None and not retina


def is_at_proxy(flow: Mapping[str, Any], source: End, destination: End) -> bool:
    """Tell whether a request is on its way to a proxy at the client, or in the log of one.

    Such a proxy answers by itself, whatever becomes of the request at the server's (cilium, bpf/bpf_lxc.c).
    """
    if flow.get("trace_observation_point") != "TO_PROXY" and type(flow.get("l7")) is not dict:
        return False
    return flow.get("traffic_direction") == "EGRESS" and not _by_retina(source, destination)


def is_told_by_server(
    flow: Mapping[str, Any], verdict: Verdict, is_reply: bool, source: End, destination: End
) -> bool:
    """Tell whether a packet that went on was seen at the server's side; the field ``arrived`` of a flow.

    Of a request that went to a proxy it is the server's proxy, of an answer one that the server gave: what
    returns to a proxy at the client comes from the server too (TO_PROXY), what goes from there to the client
    is told with EGRESS, like an answer that no proxy is on the way of.
    """
    if not is_reply and verdict is not Verdict.REDIRECTED:
        return is_let_in(flow, source, destination)
    if is_reply and (flow.get("trace_observation_point") == "TO_PROXY" or _is_relayed(flow.get("l7"))):
        return True
    direction = flow.get("traffic_direction")
    if direction in ("INGRESS", "EGRESS"):
        return bool(direction == "INGRESS")
    server, client = (source, destination) if is_reply else (destination, source)
    return server.local and not client.local


def _is_relayed(layer7: Any) -> bool:
    """Tell whether a proxy logs an answer that it got from the server, rather than one of its own.

    Of its own Envoy answers with an error, which of gRPC has code 200 like what went well, and without the
    header; Cilium's DNS proxy with REFUSED or SERVFAIL.
    """
    if type(layer7) is not dict:
        return False
    http, dns = layer7.get("http"), layer7.get("dns")
    if type(dns) is dict:
        return dns.get("rcode", 0) in (0, _NXDOMAIN)
    if type(http) is not dict:
        return False
    headers, code = http.get("headers"), http.get("code")
    if type(headers) is list and any(_is_upstream(header) for header in headers):
        return True
    return type(code) is int and 100 <= code < 400 and http.get("protocol") in ("HTTP/1.0", "HTTP/1.1")


def _is_upstream(header: Any) -> bool:
    return type(header) is dict and str(header.get("key")).lower() == _UPSTREAM


def is_let_in(flow: Mapping[str, Any], source: End, destination: End) -> bool:
    """Tell whether a forwarded packet was let in at its destination, by the word of the node there.

    It goes to the endpoint, or the endpoint's ingress policy has let it through (cilium, bpf/lib/trace.h and
    policy_log.h); elsewhere it has only left. Retina tells TO_ENDPOINT of what it sees at the interface,
    where a policy that is enforced there may still refuse it.
    """
    point = flow.get("trace_observation_point")
    if point is None:
        arrived = _event_type(flow) == _POLICY_VERDICT and flow.get("traffic_direction") == "INGRESS"
    else:
        arrived = point == "TO_ENDPOINT"
    return arrived and not _by_retina(source, destination)


def _by_retina(source: End, destination: End) -> bool:
    """Tell what may be Retina's from Cilium's: its is_reply defaults to false, which proves nothing.

    Cilium gives the end on its node an ID of its own, Retina the identity; a field mask may remove it.
    """
    if source.endpoint.workloads or destination.endpoint.workloads:
        return False
    return source.twin or destination.twin or not (source.local or destination.local)


def _handshake(flags: tuple[bool, bool]) -> bool | None:
    syn, ack = flags
    return ack if syn else None


def _event_type(flow: Mapping[str, Any]) -> Any:
    event = flow.get("event_type")
    return event.get("type") if type(event) is dict else None


def _by_direction(flow: Mapping[str, Any], source: End, destination: End) -> bool | None:
    direction = flow.get("traffic_direction")
    if direction not in ("INGRESS", "EGRESS"):
        return None
    at_source = _reported_at_source(flow, source, destination)
    if at_source is None:
        return None
    return at_source is (direction == "INGRESS")


def _reported_at_source(flow: Mapping[str, Any], source: End, destination: End) -> bool | None:
    """Tell at which end the packet was seen; None when both ends are local and nothing says more."""
    if source.local != destination.local:
        return source.local
    if not source.local:
        return None
    point = flow.get("trace_observation_point")
    if type(point) is not str:
        return None
    if point in _AT_DESTINATION:
        return False
    if point in _AT_SOURCE:
        return True
    # On its way to a proxy a packet of an ingress connection may be at either end.
    return True if point == "TO_PROXY" and flow.get("traffic_direction") == "EGRESS" else None
