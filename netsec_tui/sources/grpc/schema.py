"""Message classes of protobuf, made at run time from small tables: what is read, and no generated code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Many(NamedTuple):
    """Mark the type of a repeated field."""

    type: str


Table = Mapping[str, Mapping[int, tuple[str, str | Many]]]
"""Messages by name; their fields by number: name, and type.

A type is one of protobuf's scalars or the name of another message of the table. An enum is an ``int32`` here;
a message declared as ``bytes`` stays undecoded. A map is a repeated message with the fields 1 key, 2 value.
"""

_SCALARS = {
    "double": 1,
    "float": 2,
    "int64": 3,
    "uint64": 4,
    "int32": 5,
    "fixed64": 6,
    "fixed32": 7,
    "bool": 8,
    "string": 9,
    "bytes": 12,
    "uint32": 13,
    "sint32": 17,
    "sint64": 18,
}
"""Numbers of the types (descriptor.proto, FieldDescriptorProto.Type)."""

_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3

COMMON: Table = {
    "Timestamp": {1: ("seconds", "int64"), 2: ("nanos", "int32")},
    "BoolValue": {1: ("value", "bool")},
    "Int32Value": {1: ("value", "int32")},
    "UInt32Value": {1: ("value", "uint32")},
    "FieldMask": {1: ("paths", Many("string"))},
    "Any": {1: ("type_url", "string"), 2: ("value", "bytes")},
}
"""Protobuf's own messages, for tables that need them."""


def messages(package: str, table: Table) -> Mapping[str, Any]:
    """Return the class of each message; fields that the table does not name are skipped when decoding.

    The package only keeps names apart: on the wire there are none. Every package may be made once or again.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in fields.items():
            repeated, plain = isinstance(kind, Many), kind.type if isinstance(kind, Many) else kind
            added: Any = message.field.add(name=field, number=number)
            added.label = _REPEATED if repeated else _OPTIONAL
            if plain in _SCALARS:
                added.type = _SCALARS[plain]
            else:
                added.type, added.type_name = _MESSAGE, f".{package}.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = (pool.FindMessageTypeByName(f"{package}.{name}") for name in table)
    return {descriptor.name: message_factory.GetMessageClass(descriptor) for descriptor in found}
