"""A tar writer that writes what it is told, so that tests can make headers that no tool would."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

BLOCK = 512
END = bytes(2 * BLOCK)

# offset and width in the header
_FIELDS = {
    "name": (0, 100), "mode": (100, 8), "uid": (108, 8), "gid": (116, 8), "size": (124, 12), "mtime": (136, 12),
    "checksum": (148, 8), "kind": (156, 1), "link": (157, 100), "magic": (257, 8), "devmajor": (329, 8),
    "devminor": (337, 8), "prefix": (345, 155),
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One member. `raw` replaces header fields byte for byte; the checksum is right unless replaced too."""

    name: bytes
    data: bytes = b""
    kind: bytes = b"0"
    raw: Mapping[str, bytes] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        values = {
            "name": self.name,
            "mode": b"0000644\0",
            "uid": b"0000000\0",
            "gid": b"0000000\0",
            "size": b"%011o\0" % len(self.data),
            "mtime": b"00000000000\0",
            "checksum": b" " * 8,
            "kind": self.kind,
            "magic": b"ustar\00000",
            "devmajor": b"0000000\0",
            "devminor": b"0000000\0",
        }
        block = bytearray(BLOCK)
        for key, value in (values | dict(self.raw)).items():
            at, width = _FIELDS[key]
            assert len(value) <= width, f"{key} is too long for a tar header"
            block[at : at + width] = value.ljust(width, b"\0")
        if "checksum" not in self.raw:
            block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block) + self.data + bytes(-len(self.data) % BLOCK)


def tar_bytes(items: Iterable[Item], end: bytes = END) -> bytes:
    return b"".join(bytes(item) for item in items) + end


def pax(records: Mapping[str, str], kind: bytes = b"x") -> Item:
    return Item(
        b"PaxHeader", b"".join(pax_record(key.encode(), value.encode()) for key, value in records.items()), kind
    )


def pax_record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest
