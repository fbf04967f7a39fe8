"""A gRPC service of the tests: it counts, refuses, waits, and answers oddly."""

import asyncio

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from netsec_tui.sources.grpc.schema import COMMON, Many, messages
from tests.sources.grpc.grpc_peer import Offered

TABLE = {
    "Ask": {1: ("count", "uint32"), 2: ("word", "string")},
    "Answer": {
        1: ("number", "uint64"),
        2: ("words", Many("string")),
        3: ("time", "Timestamp"),
        4: ("raw", "bytes"),
    },
    **COMMON,
}
TYPES = messages("numbers", TABLE)
Ask, Answer = TYPES["Ask"], TYPES["Answer"]
COUNT, REFUSE, WAIT, ODD = "/numbers.N/Count", "/numbers.N/Refuse", "/numbers.N/Wait", "/numbers.N/Odd"


async def count(stream):
    asked = await stream.recv_message()
    for number in range(asked.count):
        await stream.send_message(Answer(number=number, words=[asked.word] * 3))


async def refuse(stream):
    asked = await stream.recv_message()
    raise GRPCError(Status[asked.word], "because\x1b[2J of {}")


async def wait(stream):
    await stream.recv_message()
    await stream.send_message(Answer(number=1))
    await asyncio.Event().wait()


async def odd(stream):
    await stream.recv_message()
    await stream.send_message(Ask(count=3))
    await stream.send_message(Ask(count=0, word="\u00e9" * 9))


METHODS = {
    COUNT: Offered(Ask, Answer, count),
    REFUSE: Offered(Ask, Answer, refuse),
    WAIT: Offered(Ask, Answer, wait),
    ODD: Offered(Ask, Ask, odd),
}


def all_of(channel, method, request, stop, reply_class=Answer):
    return [m for m in channel.stream(method, request, reply_class, stop) if m is not None]


def framed(data):
    return b"\0" + len(data).to_bytes(4, "big") + data
