"""The cluster's DNS: names of Services and endpoints from the API server, of the outside from a file."""

from __future__ import annotations

import struct
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.cluster.harness.rest import Mirror, Object, Rest

_DOMAIN = "cluster.local"
ZONE = f"svc.{_DOMAIN}"
_TTL = 5
_FORMAT_ERROR = struct.pack("!HHHHH", 0x8000 | dns.rcode.FORMERR, 0, 0, 0, 0)
_FAMILIES = {dns.rdatatype.A: "IPv4", dns.rdatatype.AAAA: "IPv6"}


class Names:
    """What the cluster's DNS knows."""

    def __init__(self, rest: Rest, hosts: Path) -> None:
        """Say where the names come from.

        Args:
            rest: The API server.
            hosts: A file with a line ``ADDRESS NAME`` for each name of the outside; read at every question.
        """
        self._services = Mirror(rest, "/api/v1/services")
        self._slices = Mirror(rest, "/apis/discovery.k8s.io/v1/endpointslices")
        self._hosts = hosts

    def start(self) -> None:
        """Begin to follow the API server."""
        self._services.start()
        self._slices.start()

    def stop(self) -> None:
        """Follow it no longer."""
        self._services.stop()
        self._slices.stop()

    def lookup(self, name: str) -> list[str] | None:
        """Return the addresses of a name, of both families; None where there is no such name."""
        name = name.rstrip(".").lower()
        if not name.endswith(f".{ZONE}"):
            return self._outside(name)
        *host, service, namespace = ["", *name.removesuffix(f".{ZONE}").split(".")]
        if len(host) > 2:  # nothing has a name as long as that
            return None
        for item in self._services.objects():
            meta = item["metadata"]
            if (meta["name"], meta["namespace"]) == (service, namespace):
                return self._of_service(item, "".join(host))
        return None

    def respond(self, asked: bytes, address: str) -> bytes:
        """Answer a question of DNS, also what is none: as such. ``address`` is the one it was asked at."""
        try:
            question = dns.message.from_wire(asked)
            wanted = question.question[0]
        except (dns.exception.DNSException, IndexError):
            return asked[:2].ljust(2, b"\0") + _FORMAT_ERROR
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA | dns.flags.RA
        addresses = self.lookup(wanted.name.to_text())
        if addresses is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif wanted.rdtype in _FAMILIES:
            family = [text for text in addresses if (":" in text) == (wanted.rdtype == dns.rdatatype.AAAA)]
            if family:
                kind = dns.rdatatype.to_text(wanted.rdtype)
                answer.answer.append(dns.rrset.from_text(wanted.name, _TTL, "IN", kind, *family))
        return answer.to_wire()

    def _of_service(self, service: Object, host: str) -> list[str] | None:
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return self.lookup(spec["externalName"])
        ips = [text for text in spec.get("clusterIPs", [spec.get("clusterIP")]) if text and text != "None"]
        if ips and not host:
            return ips
        ends = [end for end in self._endpoints(service) if not host or end.get("hostname") == host]
        if not ends:
            return None if host else []
        return [text for end in ends for text in end["addresses"]]

    def _endpoints(self, service: Object) -> list[Object]:
        meta = service["metadata"]
        found = []
        for item in self._slices.objects():
            labels = item["metadata"].get("labels", {})
            own = labels.get("kubernetes.io/service-name") == meta["name"]
            if own and item["metadata"]["namespace"] == meta["namespace"]:
                found += [end for end in item.get("endpoints") or [] if end["conditions"].get("ready", True)]
        return found

    def _outside(self, name: str) -> list[str] | None:
        lines = self._hosts.read_text(encoding="utf-8").splitlines() if self._hosts.exists() else []
        pairs = [line.split() for line in lines if line.strip()]
        return [address for address, host in pairs if host.lower() == name] or None


def candidates(name: str, namespace: str) -> list[str]:
    """Return the full names that a pod's resolver asks for one after the other, as the kubelet sets it up."""
    if name.endswith((".", f".{ZONE}")):
        return [name]
    return [f"{name}.{zone}" for zone in (f"{namespace}.{ZONE}", ZONE, _DOMAIN)] + [name]


def question(name: str, family: int) -> bytes:
    """Return the question for the addresses of a name, of family 4 or 6."""
    return dns.message.make_query(name, "AAAA" if family == 6 else "A").to_wire()


def addresses(answer: bytes) -> list[str]:
    """Return the addresses that an answer holds; none where it holds none or is no answer."""
    try:
        message = dns.message.from_wire(answer)
    except dns.exception.DNSException:
        return []
    return [record.address for rrset in message.answer for record in rrset if hasattr(record, "address")]
