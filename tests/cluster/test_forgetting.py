"""Entries of connection tracking, asked for and removed one by one: ``conntrack -L`` says the same."""

import secrets
import socket
from contextlib import ExitStack

import pytest

from tests.cluster.harness import ctnetlink, netns
from tests.cluster.harness.ctnetlink import TIME_WAIT, Ends
from tests.cluster.harness.forgetting import forget, forget_all

ESTABLISHED = 3
TRACKED = "table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }"
LOOPBACK = {"4": "127.0.0.1", "6": "::1"}
MORE_THAN_AT_ONCE = 250


@pytest.fixture
def place(binaries):
    """Return a network namespace with a loopback whose connections are tracked."""
    name = f"netsec-test-{secrets.token_hex(4)}"
    path = netns.create(name)
    with netns.inside(path):
        netns.run("nft", TRACKED)
    yield path
    netns.delete(name)


@pytest.fixture
def stack():
    with ExitStack() as entered:
        yield entered


def listed(place):
    """Return the ends of the entries that ``conntrack`` lists."""
    found = set()
    for family in ("ipv4", "ipv6"):
        with netns.inside(place):
            lines = netns.run("conntrack", "-L", "-f", family).splitlines()
        for line in lines:
            told = dict(reversed([word.split("=") for word in line.split() if "=" in word]))
            found.add(
                Ends(
                    line.split()[0].upper(), told["src"], int(told["sport"]), told["dst"], int(told["dport"])
                )
            )
    return found


def connect(place, stack, protocol, address):
    """Open a connection; return its ends and the sockets of both."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
    server, client = (stack.enter_context(netns.socket_in(place, family, kind)) for _ in range(2))
    server.bind((address, 0))
    if protocol == "TCP":
        server.listen()
    client.connect(server.getsockname())
    if protocol == "TCP":
        server = stack.enter_context(server.accept()[0])
    else:
        client.send(b"?")
    return Ends(protocol, *client.getsockname()[:2], *client.getpeername()[:2]), client, server


@pytest.mark.parametrize("family", LOOPBACK)
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_one_is_removed_and_no_other(place, stack, protocol, family):
    gone, kept = (connect(place, stack, protocol, LOOPBACK[family])[0] for _ in range(2))
    assert listed(place) == {gone, kept}
    ctnetlink.remove(place, [gone, gone._replace(client_port=9)])
    assert listed(place) == {kept}
    forget_all([place])
    assert listed(place) == set()


def test_states_are_told_in_the_order_of_the_questions(place, stack):
    standing, _, _ = connect(place, stack, "TCP", LOOPBACK["4"])
    over, client, server = connect(place, stack, "TCP", LOOPBACK["6"])
    client.close()
    server.close()
    unknown = standing._replace(server="127.0.0.2")
    asked = [unknown, over, standing]
    assert ctnetlink.tcp_states(place, asked) == [None, TIME_WAIT, ESTABLISHED]


def test_many_are_asked_for_and_removed(place, stack):
    ends = [connect(place, stack, "TCP", LOOPBACK["4"])[0] for _ in range(MORE_THAN_AT_ONCE)]
    assert ctnetlink.tcp_states(place, ends) == [ESTABLISHED] * MORE_THAN_AT_ONCE
    ctnetlink.remove(place, ends)
    assert listed(place) == set()


def test_a_connection_that_stands_is_not_forgotten(place, stack):
    standing, _, _ = connect(place, stack, "TCP", LOOPBACK["4"])
    datagram, _, _ = connect(place, stack, "UDP", LOOPBACK["4"])
    over, client, server = connect(place, stack, "TCP", LOOPBACK["4"])
    client.close()
    server.close()
    forget([place], [standing, datagram, over])
    assert listed(place) == {standing}
