"""What the tests of gRPC share."""

import threading

import pytest

from tests.sources.grpc.grpc_numbers import METHODS
from tests.sources.grpc.grpc_peer import serving_grpc


@pytest.fixture
def stop():
    return threading.Event()


@pytest.fixture(scope="module")
def peer():
    with serving_grpc(METHODS) as started:
        yield started
