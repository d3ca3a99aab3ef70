"""A wheel must be one zip file to every reader: whichever header, end or direction the reader trusts."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry.archive import Limits
from tests import archives
from tests.archives import look, refusal
from tests.rawzip import DEFLATED, STORED, UTF8, Part, deflate, end_record, end_record64, extra_field, zip_bytes

FILENAME, FILES = archives.wheel_files()
PARTS = archives.parts(FILES)
MODULE = PARTS[0]
GOOD = zip_bytes(PARTS)
OTHER = archives.wheel("other")[1]


def spoiled(part: Part) -> bytes:
    return zip_bytes([part, *PARTS[1:]])


def added(*parts: Part) -> bytes:
    return zip_bytes([*PARTS, *parts])


def with_end(end: Callable[[int, int, int], bytes], *, before: bytes = b"") -> bytes:
    """Replace the end record by what `end` makes of count, size and offset of the directory."""
    count, size, offset = struct.unpack_from("<HLL", GOOD, len(GOOD) - 12)
    return GOOD[:-22] + before + end(count, size, offset)


def zip64_end(**changes: int | bytes) -> bytes:
    def end(count: int, size: int, offset: int) -> bytes:
        values = {"count": count, "size": size, "offset": offset, "at": offset + size} | changes
        return end_record64(**values) + end_record(count=0xFFFF, size=0xFFFFFFFF, offset=0xFFFFFFFF)  # type: ignore[arg-type]

    return with_end(end)


WIDE = extra_field(1, struct.pack("<QQ", len(MODULE.data), len(deflate(MODULE.data))))
FULL = 0xFFFFFFFF

REFUSED = {
    "text": (b"not a zip file at all, but long enough to hold one" * 3, "is not a zip archive"),
    "cut short": (GOOD[:-1], "is not a zip archive"),
    "data in front": (b"#!/bin/sh\n" + GOOD, "disagrees with where the central directory lies"),
    "data in front, offsets adjusted": (spoiled(replace(MODULE, before=b"#!/bin/sh\n")), "before the first member"),
    "data behind": (GOOD + b"tail", "Data follows the zip archive's end record"),
    "a second archive behind": (GOOD + OTHER, "disagrees with where the central directory lies"),
    "a comment": (
        with_end(lambda c, s, o: end_record(count=c, size=s, offset=o, comment=4) + b"text"),
        "has a comment",
    ),
    "a comment that is not there": (
        with_end(lambda c, s, o: end_record(count=c, size=s, offset=o, comment=4)),
        "announces a comment",
    ),
    "an archive in the comment": (GOOD[:-2] + struct.pack("<H", len(OTHER)) + OTHER, "disagrees with where"),
    "two end records": (
        with_end(lambda c, s, o: end_record(count=c, size=s, offset=o) + end_record(count=0, size=0, offset=0)),
        "disagrees with where",
    ),
    "bytes between directory and end": (
        with_end(lambda c, s, o: end_record(count=c, size=s, offset=o), before=b"gap"),
        "disagrees with where",
    ),
    "fewer members than the end says": (zip_bytes(PARTS, count=5), "fewer members than the end record says"),
    "more members than the end says": (zip_bytes(PARTS, count=3), "larger than its members need"),
    "several disks": (zip_bytes(PARTS, disk=1), "one part of several"),
    "counts that differ": (zip_bytes(PARTS, here=1), "one part of several"),
    "a member on another disk": (spoiled(replace(MODULE, central={"disk": 1})), "split archives"),
    "a member comment": (spoiled(replace(MODULE, central={"comment": b"hi"})), "comments and split archives"),
    "a member without central header": (added(Part(b"x", central=None)), "central directory does not list"),
    "a member without local header": (added(Part(b"x", local=None)), "no local header"),
    "bytes between members": (added(Part(b"x", before=b"gap")), "belong to none of them"),
    "bytes behind the members": (added(Part(b"x", b"1", STORED, local={"data": b"1gap"})), "belong to none of them"),
    "members that overlap": (added(Part(b"x", central={"offset": 0}, local=None)), "overlap"),
    "two local names": (spoiled(replace(MODULE, local={"name": b"dema.py"})), "disagree about its name"),
    "two local sizes": (spoiled(replace(MODULE, local={"size": 7})), "disagree about its size"),
    "two local packed sizes": (spoiled(replace(MODULE, local={"packed": 7})), "disagree about its size"),
    "two local checksums": (spoiled(replace(MODULE, local={"crc": 7})), "disagree about its checksum"),
    "two local methods": (spoiled(replace(MODULE, local={"method": STORED})), "disagree about its compression method"),
    "two local flags": (spoiled(replace(MODULE, local={"flags": 0})), "disagree about its flags"),
    "encrypted": (spoiled(replace(MODULE, flags=UTF8 | 1)), "is encrypted"),
    "strongly encrypted": (spoiled(replace(MODULE, flags=UTF8 | 0x41)), "is encrypted"),
    "patched data": (spoiled(replace(MODULE, flags=UTF8 | 0x20)), "flags 0x0820"),
    "data descriptor": (spoiled(replace(MODULE, flags=UTF8 | 8)), "data descriptor"),
    "a newer format": (spoiled(replace(MODULE, central={"needed": 63})), "needs a newer zip format (6.3)"),
    "bzip2": (spoiled(replace(MODULE, method=12)), "compression method 12"),
    "zstandard": (spoiled(replace(MODULE, method=93)), "compression method 93"),
    "wrong checksum": (spoiled(replace(MODULE, local={"crc": 7}, central={"crc": 7})), "checksum (CRC-32)"),
    "size that lies low": (spoiled(replace(MODULE, local={"size": 3}, central={"size": 3})), "not of the 3 bytes"),
    "size that lies high": (spoiled(replace(MODULE, local={"size": 99}, central={"size": 99})), "not of the 99 bytes"),
    "damaged data": (spoiled(replace(MODULE, packed=b"\xff" * 9)), "compressed data is damaged"),
    "data cut short": (spoiled(replace(MODULE, packed=deflate(MODULE.data)[:-2])), "compressed data ends too early"),
    "data with a tail": (
        spoiled(replace(MODULE, packed=deflate(MODULE.data) + b"x")),
        "follow the end of the compressed",
    ),
    "a second zip64 field": (spoiled(replace(MODULE, extra=WIDE + WIDE)), "0x0001 is there twice"),
    "a needless zip64 field with other sizes": (
        spoiled(
            replace(MODULE, extra=extra_field(1, struct.pack("<QQ", len(MODULE.data) + 1, len(deflate(MODULE.data)))))
        ),
        "ZIP64 extra field does not match",
    ),
    "a needless zip64 field in pieces": (
        spoiled(replace(MODULE, extra=extra_field(1, b"abc"))),
        "does not match the sizes",
    ),
    "a zip64 size without field": (
        spoiled(replace(MODULE, central={"size": FULL})),
        "ZIP64 extra field does not match",
    ),
    "a short zip64 field": (
        spoiled(replace(MODULE, central={"size": FULL, "packed": FULL, "extra": WIDE[:2] + b"\x08\0" + WIDE[4:12]})),
        "ZIP64 extra field does not match",
    ),
    "a unicode path field": (spoiled(replace(MODULE, extra=extra_field(0x7075, b"\1abcdother"))), "a second name"),
    "an extra field cut short": (spoiled(replace(MODULE, extra=b"\x55\x54\x09\x00abc")), "extra field is cut short"),
    "an extra field of three bytes": (spoiled(replace(MODULE, extra=b"abc")), "extra field is cut short"),
    "a zip64 end asked for": (zip_bytes(PARTS, offset=FULL), "asks for a ZIP64 record"),
    "a zip64 locator alone": (
        with_end(
            lambda c, s, o: end_record64(count=c, size=s, offset=o, at=0)[56:] + end_record(count=c, size=s, offset=o)
        ),
        "does not stand directly behind",
    ),
    "a zip64 locator that points elsewhere": (zip64_end(at=0), "points elsewhere"),
    "a zip64 record with extra data": (zip64_end(length=48, more=b"1234"), "does not stand directly behind"),
    "a zip64 record that claims extra data": (zip64_end(length=48), "carries extra data"),
    "two ends that disagree": (
        with_end(
            lambda c, s, o: (
                end_record64(count=c + 1, size=s, offset=o, at=o + s) + end_record(count=c, size=s, offset=o)
            )
        ),
        "disagree on the members",
    ),
    "a symbolic link": (spoiled(replace(MODULE, mode=stat.S_IFLNK | 0o777)), "is a symbolic link"),
    "a device": (spoiled(replace(MODULE, mode=stat.S_IFCHR | 0o600)), "special file"),
    "a named pipe": (spoiled(replace(MODULE, mode=stat.S_IFIFO | 0o600)), "special file"),
    "a directory without slash": (added(Part(b"d", mode=stat.S_IFDIR | 0o755)), "whether it is a directory"),
    "a DOS directory without slash": (added(Part(b"d", attributes=0x10)), "whether it is a directory"),
    "a file with slash": (added(Part(b"d/")), "whether it is a directory"),
    "a directory with content": (added(Part(b"d/", b"x", mode=stat.S_IFDIR | 0o755)), "cannot have content"),
    "a directory with hidden content": (
        added(Part(b"d/", b"", STORED, mode=0o40755, packed=b"hidden")),
        "not of the 0 bytes",
    ),
    "latin-1 name": (added(Part(b"caf\xe9")), "is not UTF-8"),
    "unmarked UTF-8 name": (added(Part("café".encode(), flags=0)), "not marked as UTF-8"),
    "control character": (added(Part(b"a\nb")), "control characters"),
    "NUL": (added(Part(b"a.py\0.txt")), "control characters"),
    "C1 control character": (added(Part("a\x85b".encode())), "control characters"),
    "line separator": (added(Part("a\u2028b".encode())), "control characters"),
    "backslash": (added(Part(b"a\\b")), "backslash"),
    "absolute": (added(Part(b"/etc/passwd")), "is absolute"),
    "drive": (added(Part(b"C:/x")), "is absolute"),
    "parent": (added(Part(b"a/../../x")), "climbs out"),
    "dot": (added(Part(b"./x")), "empty or '.' segment"),
    "empty segment": (added(Part(b"a//x")), "empty or '.' segment"),
    "empty name": (added(Part(b"")), "empty or '.' segment"),
    "twice": (added(MODULE), "in the archive twice"),
    "twice, other case": (added(replace(MODULE, name=b"Demo.py")), "ignore case or Unicode spelling"),
    "twice, other composition": (
        added(Part("caf\u00e9".encode()), Part("cafe\u0301".encode())),
        "ignore case or Unicode spelling",
    ),
    "file and directory": (added(Part(b"demo.py/x")), "needs it to be a directory"),
    "file and directory, other case": (added(Part(b"DEMO.py/x")), "needs it to be a directory"),
    "long name": (added(Part(b"x" * 1025)), "1024 bytes each"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_zip_that_readers_understand_differently_is_refused(case: str, tmp_path: Path) -> None:
    data, sentence = REFUSED[case]
    assert sentence in refusal(tmp_path, FILENAME, data)


def test_a_file_that_is_zip_and_tar_is_refused(tmp_path: Path) -> None:
    block = bytearray(512 - 30 - 1)
    header = struct.pack("<4s5H3L2H", b"PK\3\4", 20, UTF8, STORED, 0, 0x21, 0, 0, 0, 1, len(block)) + b"x"
    block[:4] = struct.pack("<HH", 0x4242, len(block) - 4)
    total = sum(header) + sum(block) + 8 * ord(" ")
    block[148 - 31 : 156 - 31] = b"%06o\0 " % total
    first = Part(b"x", b"", STORED, extra=bytes(block), central={"extra": b""})
    assert "both a zip and a tar" in refusal(tmp_path, FILENAME, zip_bytes([first, *PARTS]))


def with_record(extra: dict[str, bytes]) -> list[Part]:
    return archives.parts(archives.wheel_files(files=extra)[1])


ACCEPTED = {
    "stored": zip_bytes([replace(part, method=STORED) for part in PARTS]),
    "ASCII names not marked": zip_bytes([replace(part, flags=0) for part in PARTS]),
    "hints on deflate's effort": spoiled(replace(MODULE, flags=UTF8 | 6)),
    "directories": zip_bytes([Part(b"d/", b"", STORED, mode=0o40755, attributes=0x10), Part(b"e/", mode=0), *PARTS]),
    "no modes": zip_bytes([replace(part, mode=0) for part in PARTS]),
    "the format with ZIP64": spoiled(replace(MODULE, central={"needed": 45})),
    "executable": spoiled(replace(MODULE, mode=0o100755)),
    "time stamps": spoiled(replace(MODULE, extra=extra_field(0x5455, b"\3" + bytes(8)))),
    "other order": zip_bytes(PARTS[::-1]),
    "zip64 end": zip64_end(),
    "zip64 end, needless": with_end(
        lambda c, s, o: end_record64(count=c, size=s, offset=o, at=o + s) + end_record(count=c, size=s, offset=o)
    ),
    "zip64 sizes repeated, as Bazel does": spoiled(replace(MODULE, local={"extra": WIDE})),
    "zip64 sizes": spoiled(
        replace(
            MODULE,
            local={"size": FULL, "packed": FULL, "extra": WIDE},
            central={"size": FULL, "packed": FULL, "extra": WIDE},
        )
    ),
    "zip64 sizes in one header": spoiled(replace(MODULE, local={"size": FULL, "packed": FULL, "extra": WIDE})),
    "empty files and namespaces": zip_bytes(with_record({"a/b/__init__.py": b"", "a/c.py": b"", "a/b/py.typed": b""})),
    "names in Unicode": zip_bytes(with_record({"demo/größe 😀.txt": b"1", "demo/Straße": b"", "demo/a,b": b""})),
    "names that sort between": zip_bytes(with_record({"a": b"", "a-b": b"", "a.b/c": b"", "ab/c": b""})),
    "dots": zip_bytes(with_record({"a/..b": b"", "a/b..": b"", "a/...": b"", ".hidden": b""})),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_zip_that_readers_agree_on_is_accepted(case: str, tmp_path: Path) -> None:
    data = ACCEPTED[case]
    assert look(tmp_path, FILENAME, data).name == "demo"
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_wheel_written_by_the_standard_library_is_accepted(level: int, zip64: bool, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as target:
        target.writestr("demo/", "")
        for name, data in FILES.items():
            with target.open(name, "w", force_zip64=zip64) as member:
                member.write(data)
    assert look(tmp_path, FILENAME, buffer.getvalue()).name == "demo"


def test_a_wheel_streamed_by_the_standard_library_is_refused_with_the_repair(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as target:
        for name, data in FILES.items():
            target.writestr(name, data)
    assert "write the wheel to a file that can seek" in refusal(tmp_path, FILENAME, pipe.getvalue())


def test_a_directory_record_that_the_deflater_wrote_is_accepted(tmp_path: Path) -> None:
    empty = zlib.compressobj(wbits=-15).flush()
    data = zip_bytes([Part(b"d/", b"", DEFLATED, mode=0o40755, packed=empty), *PARTS])
    assert look(tmp_path, FILENAME, data).name == "demo"


def test_limits_can_be_lowered(tmp_path: Path) -> None:
    assert look(tmp_path, FILENAME, GOOD, Limits(members=4)).name == "demo"
    assert "more than 3" in refusal(tmp_path, FILENAME, GOOD, Limits(members=3))
    assert "unpacks to more than" in refusal(tmp_path, FILENAME, GOOD, Limits(unpacked=100))
