"""Check single values of a configuration, the same for the file, the command line and the screen."""

from __future__ import annotations

import re

from netsec_tui.core.cluster.addresses import network, parse_cidr, width, width_text
from netsec_tui.errors import BadInputError
from netsec_tui.model.configuring import Checked

_KEY_SIGNS = re.compile(r"[A-Za-z0-9_.*?-]+(/[A-Za-z0-9_.*?-]+)?")
_PATTERN_LENGTH = 253 + 1 + 63
_NAME_LENGTH = 253
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_POD_START = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}")
_FLAGS = {"true": True, "false": False}


def checked_pattern(text: str) -> str:
    """Return a pattern of label keys as it is kept.

    Raises:
        BadInputError: it is empty, or no label key can match it.
    """
    pattern = text.strip()
    if not pattern:
        raise BadInputError("a label pattern is empty; write a label key such as app, or helm.sh/*")
    if not _KEY_SIGNS.fullmatch(pattern):
        raise BadInputError(
            f"{text!r} is no pattern of label keys: write letters, digits, - _ . and one / after a prefix, "
            "with * for any text and ? for one character"
        )
    if len(pattern) > _PATTERN_LENGTH:
        raise BadInputError(f"the label pattern {pattern[:40]}... is longer than any label key: shorten it")
    return pattern


def checked_range(text: str) -> Checked:
    """Return a pod or service range as canonical CIDR, with a note when it was not written as one.

    Raises:
        BadInputError: it is no CIDR, has no prefix length, or would be every address.
    """
    if "/" not in text:
        raise BadInputError(f"{text!r} is no range: write its prefix length too, as in 10.244.0.0/16")
    cidr, host_bits = parse_cidr(text)
    if network(cidr).prefixlen == 0:
        raise BadInputError(f"{text.strip()} is every address, which no cluster has: write a narrower range")
    return Checked(cidr, _host_bits_note(text, cidr) if host_bits else _spelling_note(text, cidr))


def checked_entry(text: str) -> Checked:
    """Return an entry of an alias as canonical CIDR; single addresses become /32 or /128.

    Raises:
        BadInputError: it is neither an IP address nor a CIDR.
    """
    cidr, host_bits = parse_cidr(text)
    notes = [_host_bits_note(text, cidr) if host_bits else _spelling_note(text, cidr)]
    if network(cidr).prefixlen == 0:
        notes.append(f"{cidr} is every address of its family: {width_text(width(cidr))}")
    return Checked(cidr, "; ".join(filter(None, notes)))


def _host_bits_note(text: str, cidr: str) -> str:
    return f"{text.strip()} has host bits: {cidr} is used"


def _spelling_note(text: str, cidr: str) -> str:
    mapped = ":" in text and ":" not in cidr
    return f"{text.strip()} is an IPv4 address written as IPv6: {cidr} is used" if mapped else ""


def checked_alias_name(text: str) -> str:
    """Return the name of an alias as it is kept.

    Raises:
        BadInputError: it is empty, too long, or not one line of text.
    """
    name = text.strip()
    if not name:
        raise BadInputError("an alias needs a name")
    if not name.isprintable():
        raise BadInputError(f"the alias name {name!r} is not one line of text: remove its control characters")
    if len(name) > _NAME_LENGTH:
        raise BadInputError(
            f"the alias name {name[:40]}... has {len(name)} characters: shorten it to {_NAME_LENGTH}"
        )
    return name


def checked_pod_start(text: str) -> str:
    """Return how names of control plane pods start: "kube-apiserver", or "namespace/kube-apiserver".

    Raises:
        BadInputError: no pod name can start so.
    """
    start = text.strip()
    namespace, slash, name = start.rpartition("/")
    if not _POD_START.fullmatch(name) or (slash and not _NAMESPACE.fullmatch(namespace)):
        raise BadInputError(
            f"{text!r} is no start of a pod name: write for instance kube-apiserver, "
            "or my-namespace/kube-apiserver outside kube-system"
        )
    return start


def checked_flag(text: str) -> bool:
    """Return the truth of "true" or "false".

    Raises:
        BadInputError: it is neither.
    """
    if text.strip() not in _FLAGS:
        raise BadInputError(f"{text!r} is neither true nor false")
    return _FLAGS[text.strip()]
