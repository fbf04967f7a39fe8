"""A Hubble Relay of the tests, and a source that reads it without much waiting."""

import pytest

from netsec_tui.sources import retry
from netsec_tui.sources.hubble import relay as hubble_relay
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from tests.sources.hubble.hubble_access import direct
from tests.sources.hubble.hubble_peer import serving_hubble


@pytest.fixture
def quick_relay(no_proxy_and_no_waiting, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(hubble_relay, "_SAY_SECONDS", 0.05)
    monkeypatch.setattr(hubble_relay, "STATUS_SECONDS", 0.2)


@pytest.fixture
def peer():
    with serving_hubble() as started:
        yield started


@pytest.fixture
def source(peer):
    return HubbleRelaySource(direct(peer))
