"""The ends of a NetObserv record as endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from netsec_tui.model.flow import Endpoint, Reserved
from netsec_tui.sources.fields import canonical_ip, text
from netsec_tui.sources.recent import Recent

Side = Literal["Src", "Dst", "XlatSrc", "XlatDst"]

_ENDPOINTS = 16_384


class _Key(NamedTuple):
    """Hold all that an endpoint is made of."""

    ip: str
    kind: str
    namespace: str
    name: str
    owner: tuple[str, str]


class Ends:
    """Make endpoints; the same fields give the same object."""

    def __init__(self) -> None:
        self._known: Recent[_Key, Endpoint] = Recent(_ENDPOINTS)
        self._addresses: Recent[str, str] = Recent(_ENDPOINTS)

    def address(self, fields: Mapping[str, Any], side: Side) -> str:
        """Return one end's address as canonical text, empty when there is none."""
        raw = fields.get(f"{side}Addr")
        if type(raw) is not str:
            return ""
        known = self._addresses.get(raw)
        if known is None:
            known = canonical_ip(raw)
            self._addresses.put(raw, known)
        return known

    def endpoint(self, fields: Mapping[str, Any], side: Side) -> Endpoint:
        """Return one end of a record.

        The owner that NetObserv tells is the topmost one, a Deployment rather than a ReplicaSet.
        """
        get = fields.get
        kind = get(f"{side}K8S_Type")
        if kind not in ("Pod", "Node"):
            return self._make(_Key(self.address(fields, side), "", "", "", ("", "")))
        owner = text(get(f"{side}K8S_OwnerType")), text(get(f"{side}K8S_OwnerName"))
        namespace, name = text(get(f"{side}K8S_Namespace")), text(get(f"{side}K8S_Name"))
        return self._make(_Key(self.address(fields, side), str(kind), namespace, name, owner))

    def _make(self, key: _Key) -> Endpoint:
        endpoint = self._known.get(key)
        if endpoint is None:
            ip, kind, namespace, name, owner = key
            if kind == "Pod" and namespace and name:
                endpoint = Endpoint(ip, namespace, name, workloads=(owner,) if all(owner) else ())
            else:
                endpoint = Endpoint(ip, reserved=Reserved.REMOTE_NODE if kind == "Node" else Reserved.NONE)
            self._known.put(key, endpoint)
        return endpoint


def service_of(fields: Mapping[str, Any], side: Side) -> tuple[str, str] | None:
    """Return (namespace, name) of the Service that an end is, None when it is none."""
    if fields.get(f"{side}K8S_Type") != "Service":
        return None
    name = text(fields.get(f"{side}K8S_Name"))
    return (text(fields.get(f"{side}K8S_Namespace")), name) if name else None
