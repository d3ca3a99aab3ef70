"""An sdist must be one tar file to every reader, of files and directories only, below one directory."""

import gzip
import io
import struct
import tarfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from registry.archive import Limits
from registry.errors import TooLarge
from tests import archives
from tests.archives import look, refusal, targz
from tests.rawtar import END, Item, pax, pax_record, tar_bytes
from tests.rawzip import end_record

FILENAME, ITEMS = archives.sdist_items()
MODULE = ITEMS[1]
TAR = tar_bytes(ITEMS)
GOOD = targz(ITEMS)
TOP = b"demo-1.0/"
LONG = TOP + b"long/" * 30 + b"file.py"


def spoiled(**raw: bytes) -> bytes:
    return targz([ITEMS[0], replace(MODULE, raw=raw)])


def added(*items: Item) -> bytes:
    return targz([*ITEMS, *items])


def special(kind: bytes, **raw: bytes) -> bytes:
    return added(Item(TOP + b"x", b"", kind, raw))


def with_pax(*records: bytes, kind: bytes = b"x") -> bytes:
    return targz([ITEMS[0], Item(b"PaxHeader", b"".join(records), kind), MODULE])


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def with_comment(comment: bytes) -> bytes:
    """Put a comment into the gzip header, as RFC 1952 allows."""
    return GOOD[:3] + bytes([GOOD[3] | 0x10]) + GOOD[4:10] + comment + b"\0" + GOOD[10:]


ZIP_END = end_record(count=0, size=0, offset=0)

REFUSED = {
    "not gzip": (TAR, "is not gzip"),
    "bzip2 inside": (b"BZh91AY&SY" + GOOD, "is not gzip"),
    "not tar": (packed(b"text " * 1000), "not a tar header"),
    "empty": (packed(b""), "ends too early"),
    "no members": (packed(END), "has no demo-1.0/PKG-INFO"),
    "zip behind": (GOOD + ZIP_END, "can be read as a zip archive too"),
    "zip in the gzip header": (with_comment(b"PK\5\6" + b"\1" * 18), "can be read as a zip archive too"),
    "trailing bytes": (GOOD + b"x", "bytes follow the end of the compressed data"),
    "trailing zeros": (GOOD + bytes(9), "bytes follow the end of the compressed data"),
    "second gzip stream": (GOOD + packed(b""), "second gzip stream"),
    "far second gzip stream": (packed(TAR + bytes(1 << 19)) + GOOD, "second gzip stream"),
    "cut short": (GOOD[:-9], "compressed data ends too early"),
    "checksum cut short": (GOOD[:-1], "compressed data ends too early"),
    "wrong checksum": (GOOD[:-8] + bytes(4) + GOOD[-4:], "compressed data is damaged"),
    "tar cut in a member": (packed(TAR[:1500]), "ends too early"),
    "tar without end": (packed(TAR[: -len(END)]), "ends too early"),
    "data behind the end": (packed(TAR + bytes(Item(b"x"))), "Data follows the end of the tar archive"),
    "data far behind the end": (packed(TAR + bytes(1 << 19) + b"x"), "Data follows the end of the tar archive"),
    "wrong header checksum": (spoiled(checksum=b"000001\0 "), "not a tar header"),
    "empty header checksum": (spoiled(checksum=bytes(8)), "not a tar header"),
    "no magic": (spoiled(magic=b""), "neither POSIX nor GNU"),
    "prefix in a GNU header": (spoiled(magic=b"ustar  \0", prefix=b"x"), "take for a folder name"),
    "negative size": (spoiled(size=b"\xff" * 12), "size in the tar header is negative"),
    "binary size": (spoiled(size=b"\x80" + bytes(10) + b"\1"), "size in the tar header is negative or beyond"),
    "decimal size": (spoiled(size=b"00000000018\0"), "size in the tar header is not an octal number"),
    "signed size": (spoiled(size=b"-0000000001\0"), "size in the tar header is not an octal number"),
    "unreadable mode": (spoiled(mode=b"rw-r--r-"), "mode in the tar header is not an octal number"),
    "unreadable owner": (spoiled(uid=b"\x81      1"), "uid in the tar header is not an octal number"),
    "size beyond the end": (spoiled(size=b"77777777777\0"), "ends too early"),
    "symbolic link": (special(b"2", link=b"/etc/passwd"), "is a symbolic link"),
    "symbolic link inside": (special(b"2", link=b"PKG-INFO"), "is a symbolic link"),
    "hard link": (special(b"1", link=b"demo-1.0/PKG-INFO"), "is a hard link"),
    "character device": (special(b"3"), "is a device"),
    "block device": (special(b"4"), "is a device"),
    "named pipe": (special(b"6"), "is a named pipe"),
    "contiguous file": (special(b"7"), "tar type '7' is not accepted"),
    "GNU sparse file": (special(b"S"), "is a sparse file"),
    "pax sparse file": (with_pax(pax_record(b"GNU.sparse.major", b"1")), "a sparse file follows"),
    "long link target": (added(Item(b"././@LongLink", b"x" * 200, b"K")), "long target of a link"),
    "unknown type": (special(b"V"), "tar type 'V' is not accepted"),
    "directory with content": (added(Item(TOP + b"d/", b"x", b"5")), "cannot have content"),
    "file with slash": (added(Item(TOP + b"d/")), "empty or '.' segment"),
    "old file with slash": (added(Item(TOP + b"d/", kind=b"\0")), "empty or '.' segment"),
    "pax size": (with_pax(pax_record(b"size", b"0")), "disagree about the member's size"),
    "pax size, other spelling": (with_pax(pax_record(b"size", b"017")), "disagree about the member's size"),
    "pax link": (with_pax(pax_record(b"linkpath", b"x")), "sets 'linkpath'"),
    "pax charset": (with_pax(pax_record(b"hdrcharset", b"BINARY")), "sets 'hdrcharset'"),
    "pax key twice": (with_pax(*[pax_record(b"path", TOP + b"x")] * 2), "sets 'path' twice"),
    "pax record too long": (with_pax(b"99 path=x\n"), "wrong length"),
    "pax record too short": (with_pax(b"5 path=x\n"), "wrong length"),
    "pax record of length 0": (with_pax(b"0 path=x\n"), "wrong length"),
    "pax record without length": (with_pax(b"path=x\n"), "wrong length"),
    "pax record of a huge length": (with_pax(b"9" * 5000 + b" path=x\n"), "wrong length"),
    "pax record without key": (with_pax(b"4 x\n"), "or to nothing"),
    "pax path latin-1": (with_pax(pax_record(b"path", b"caf\xe9")), "pax header is not UTF-8"),
    "pax path up": (with_pax(pax_record(b"path", b"../x")), "climbs out"),
    "pax path empty": (with_pax(pax_record(b"path", b"")), "empty or '.' segment"),
    "pax path with NUL": (with_pax(pax_record(b"path", b"demo-1.0/a\0b")), "control characters"),
    "global path": (targz([pax({"path": "x"}, b"g"), *ITEMS]), "global pax header sets the path"),
    "global size": (targz([pax({"size": "1"}, b"g"), *ITEMS]), "global pax header sets the path or size"),
    "global in between": (with_pax(pax_record(b"comment", b"x"), kind=b"g"), "global pax header stands between"),
    "two globals": (targz([pax({"comment": "x"}, b"g")] * 2 + ITEMS), "global pax header stands between"),
    "two pax headers": (
        added(pax({"mtime": "1"}), pax({"mtime": "1"}), Item(TOP + b"x")),
        "not followed by the member",
    ),
    "pax and GNU name": (
        added(pax({"mtime": "1"}), Item(b"././@LongLink", LONG, b"L"), Item(TOP + b"x")),
        "not followed by the member",
    ),
    "pax at the end": (added(pax({"mtime": "1"})), "not followed by the member"),
    "GNU name without end": (
        added(Item(b"././@LongLink", TOP + b"a", b"L"), Item(TOP + b"x")),
        "does not end with NUL",
    ),
    "GNU name with NUL": (added(Item(b"././@LongLink", TOP + b"a\0b\0", b"L"), Item(TOP + b"x")), "control characters"),
    "huge extended header": (added(Item(b"PaxHeader", bytes(70_000), b"x")), "extended tar header is larger"),
    "latin-1 name": (added(Item(TOP + b"caf\xe9")), "is not UTF-8"),
    "control character": (added(Item(TOP + b"a\x1b[2J")), "control characters"),
    "backslash": (added(Item(TOP + b"..\\x")), "backslash"),
    "absolute": (added(Item(b"/etc/passwd")), "is absolute"),
    "drive": (added(Item(b"c:x")), "is absolute"),
    "parent": (added(Item(TOP + b"../../x")), "climbs out"),
    "parent by prefix": (added(Item(b"x", raw={"prefix": b"demo-1.0/.."})), "climbs out"),
    "dot": (added(Item(b"./demo-1.0/x")), "empty or '.' segment"),
    "twice": (added(MODULE), "in the archive twice"),
    "twice, other case": (added(replace(MODULE, name=TOP + b"src/Module.py")), "ignore case or Unicode spelling"),
    "file and directory": (added(replace(MODULE, name=MODULE.name + b"/x")), "needs it to be a directory"),
    "PKG-INFO twice": (added(ITEMS[0]), "in the archive twice"),
    "two top-level directories": (added(Item(b"demo-1.1/x")), "two top-level members, 'demo-1.0' and 'demo-1.1'"),
    "a file at the top": (targz([Item(b"demo-1.0"), *ITEMS]), "must be a directory"),
    "other project": (
        targz([Item(b"demon-1.0/PKG-INFO")]),
        "directory is 'demon-1.0', but the filename asks for demo-1.0",
    ),
    "other version": (
        targz([Item(b"demo-1.1/PKG-INFO")]),
        "directory is 'demo-1.1', but the filename asks for demo-1.0",
    ),
    "no version": (targz([Item(b"demo/PKG-INFO")]), "directory is 'demo', but the filename asks for demo-1.0"),
    "no PKG-INFO": (targz([MODULE]), "has no demo-1.0/PKG-INFO"),
    "PKG-INFO too deep": (targz([replace(ITEMS[0], name=TOP + b"src/PKG-INFO")]), "has no demo-1.0/PKG-INFO"),
    "PKG-INFO in other case": (targz([replace(ITEMS[0], name=TOP + b"pkg-info")]), "has no demo-1.0/PKG-INFO"),
    "PKG-INFO a directory": (targz([Item(TOP + b"PKG-INFO/", kind=b"5")]), "has no demo-1.0/PKG-INFO"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_sdist_that_readers_understand_differently_is_refused(case: str, tmp_path: Path) -> None:
    data, sentence = REFUSED[case]
    assert sentence in refusal(tmp_path, FILENAME, data)


ACCEPTED = {
    "plain": GOOD,
    "directories": targz([Item(TOP, kind=b"5"), *ITEMS, Item(TOP + b"empty", kind=b"5")]),
    "old file type": targz([ITEMS[0], replace(MODULE, kind=b"\0")]),
    "GNU header": spoiled(magic=b"ustar  \0"),
    "prefix": added(Item(b"file.py", raw={"prefix": b"demo-1.0/a/b"})),
    "spaces in numbers": spoiled(mode=b"   644 \0", uid=b"      0\0", gid=bytes(8)),
    "binary owner and time": spoiled(uid=b"\x80" + b"\1" * 7, mtime=b"\xff" * 12),
    "one zero block": packed(tar_bytes(ITEMS, bytes(512))),
    "blocks of 10 KiB": packed(TAR.ljust(10_240, b"\0")),
    "git archive": targz([pax({"comment": "0" * 40}, b"g"), *ITEMS]),
    "pax name": added(pax({"path": LONG.decode()}), Item(LONG[:100])),
    "pax name and size": added(pax({"path": LONG.decode(), "size": "3"}), Item(LONG[:100], b"abc")),
    "pax time": added(pax({"mtime": "1.5", "LIBARCHIVE.creationtime": "1"}), Item(TOP + b"x")),
    "GNU name": added(Item(b"././@LongLink", LONG + b"\0", b"L"), Item(LONG[:100])),
    "name in the gzip header": GOOD[:3] + b"\x08" + GOOD[4:10] + b"demo-1.0.tar\0" + GOOD[10:],
    "setuptools": targz([*ITEMS, Item(TOP + b"demo.egg-info/PKG-INFO", b"Name: other\n"), Item(TOP + b"setup.cfg")]),
    "names in Unicode": added(Item(TOP + "größe.txt".encode()), Item(TOP + b"a b, c:d")),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_an_sdist_that_readers_agree_on_is_accepted(case: str, tmp_path: Path) -> None:
    data = ACCEPTED[case]
    assert look(tmp_path, FILENAME, data).name == "demo"
    with tarfile.open(fileobj=io.BytesIO(data), errorlevel=2) as independent:
        assert independent.getnames()


@pytest.mark.parametrize("top", [b"Demo-1.0", b"DEMO-1.0", b"demo-01.0"])
def test_the_top_directory_may_spell_the_release_in_another_way(top: bytes, tmp_path: Path) -> None:
    items = [replace(item, name=item.name.replace(b"demo-1.0", top)) for item in ITEMS]
    assert look(tmp_path, FILENAME, targz(items)).version == "1.0"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_sdist_written_by_the_standard_library_is_accepted(form: int, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=form) as target:
        for name in ("demo-1.0", "demo-1.0/" + "folder/" * 20):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            target.addfile(folder)
        for name, data in {"PKG-INFO": archives.core_metadata(), "folder/" * 20 + "módulo.py": b"1"}.items():
            info = tarfile.TarInfo(f"demo-1.0/{name}")
            info.size, info.mtime, info.uname = len(data), 1_700_000_000, "jürgen"
            info.uid = 1000 if form == tarfile.USTAR_FORMAT else 3_000_000
            target.addfile(info, io.BytesIO(data))
    assert look(tmp_path, FILENAME, buffer.getvalue()).metadata == archives.core_metadata()


def test_a_zip_file_deep_in_an_sdist_is_accepted(tmp_path: Path) -> None:
    fixture = archives.wheel()[1]
    items = [Item(TOP + b"tests/fixture.whl", fixture), Item(TOP + b"z", zlib.compress(bytes(range(256)) * 4))]
    assert look(tmp_path, FILENAME, added(*items)).name == "demo"


def test_limits_can_be_lowered(tmp_path: Path) -> None:
    assert look(tmp_path, FILENAME, GOOD, Limits(members=2)).name == "demo"
    for limits in (Limits(members=1), Limits(unpacked=1000)):
        with pytest.raises(TooLarge):
            look(tmp_path, FILENAME, GOOD, limits)


def test_the_gzip_size_field_is_verified(tmp_path: Path) -> None:
    lying = GOOD[:-4] + struct.pack("<L", len(TAR) + 1)
    assert "damaged" in refusal(tmp_path, FILENAME, lying)
