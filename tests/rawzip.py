"""A zip writer that writes what it is told, so that tests can make the two descriptions of a member disagree."""

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

STORED, DEFLATED = 0, 8
UTF8 = 0x0800


@dataclass(frozen=True)
class Part:
    """One member. `local` and `central` replace fields in one of its two headers only; None for no such header."""

    name: bytes
    data: bytes = b""
    method: int = DEFLATED
    flags: int = UTF8
    mode: int = 0o100644
    attributes: int = 0
    extra: bytes = b""
    packed: bytes | None = None
    local: Mapping[str, int | bytes] | None = field(default_factory=dict)
    central: Mapping[str, int | bytes] | None = field(default_factory=dict)
    before: bytes = b""  # bytes that belong to no member

    def fields(self) -> dict[str, int | bytes]:
        packed = self.packed if self.packed is not None else deflate(self.data, self.method)
        return {
            "name": self.name,
            "extra": self.extra,
            "comment": b"",
            "needed": 20,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.data),
            "packed": len(packed),
            "size": len(self.data),
            "data": packed,
            "attributes": self.mode << 16 | self.attributes,
            "disk": 0,
        }


def deflate(data: bytes, method: int = DEFLATED) -> bytes:
    if method == STORED:
        return data
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def zip_bytes(parts: Iterable[Part], **end: int) -> bytes:
    """Write an archive; keywords replace fields of the end record."""
    body, directory, count = bytearray(), bytearray(), 0
    for part in parts:
        body += part.before
        fields = part.fields() | {"offset": len(body)}
        if part.central is not None:
            directory += _central(fields | dict(part.central))
            count += 1
        if part.local is not None:
            body += _local(fields | dict(part.local))
    return bytes(body + directory) + end_record(**({"count": count, "size": len(directory), "offset": len(body)} | end))


def end_record(
    *, count: int, size: int, offset: int, disk: int = 0, here: int | None = None, comment: int = 0
) -> bytes:
    here = count if here is None else here
    return struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, here, count, size, offset, comment)


def end_record64(*, count: int, size: int, offset: int, at: int, length: int = 44, more: bytes = b"") -> bytes:
    """Write the ZIP64 end record and its locator; `at` is where the locator says the record is."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", length, 45, 45, 0, 0, count, count, size, offset)
    return record + more + struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)


def extra_field(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _local(f: Mapping[str, int | bytes]) -> bytes:
    name, extra, data = _bytes(f, "name"), _bytes(f, "extra"), _bytes(f, "data")
    fixed = struct.pack(
        "<4s5H3L2H",
        b"PK\3\4",
        f["needed"],
        f["flags"],
        f["method"],
        0,
        0x21,
        f["crc"],
        f["packed"],
        f["size"],
        len(name),
        len(extra),
    )
    return fixed + name + extra + data


def _central(f: Mapping[str, int | bytes]) -> bytes:
    name, extra, comment = _bytes(f, "name"), _bytes(f, "extra"), _bytes(f, "comment")
    fixed = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 0x0314, f["needed"], f["flags"], f["method"], 0, 0x21, f["crc"], f["packed"],
        f["size"], len(name), len(extra), len(comment), f["disk"], 0, f["attributes"], f["offset"],
    )  # fmt: skip
    return fixed + name + extra + comment


def _bytes(fields: Mapping[str, int | bytes], name: str) -> bytes:
    value = fields[name]
    assert isinstance(value, bytes)
    return value
