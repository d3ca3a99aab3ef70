"""No archive costs more than its limits: bombs stop early, and honest large archives pass."""

import gzip
import io
import os
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from registry.archive import Limits
from registry.errors import TooLarge
from tests import archives
from tests.archives import look, refusal, targz
from tests.rawtar import Item, pax, tar_bytes
from tests.rawzip import STORED, Part, extra_field, zip_bytes

MIB = 1 << 20
FILENAME, FILES = archives.wheel_files()
PARTS = archives.parts(FILES)
SDIST, ITEMS = archives.sdist_items()


@contextmanager
def cheap(seconds: float = 3.0, memory: int = 24 * MIB) -> Iterator[None]:
    """Insist on a bound for processor time, generous for slow machines, and on one for memory."""
    tracemalloc.start()
    start = time.process_time()
    yield
    spent = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < seconds
    assert peak < memory


def zeros(gibibytes: int, wbits: int) -> bytes:
    """Compress zeros without spending the time: one flushed MiB, repeated; the checksum is missing."""
    compressor = zlib.compressobj(9, wbits=wbits)
    head = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return head + block * (gibibytes * 1024 - 1)


def test_a_gzip_bomb_of_ten_gigabytes_stops_early(tmp_path: Path) -> None:
    bomb = zeros(10, 31)
    with cheap(seconds=10):
        assert "times its size" in refusal(tmp_path, SDIST, bomb)
    with cheap(seconds=5):
        assert "unpacks to more than 512 MiB" in refusal(tmp_path, SDIST, bomb, Limits(unpacked=512 * MIB, ratio=9999))


def test_a_bomb_behind_the_end_of_a_tar_archive_stops_early(tmp_path: Path) -> None:
    bomb = gzip.compress(tar_bytes(ITEMS) + bytes(100 * MIB))
    with cheap():
        assert "times its size" in refusal(tmp_path, SDIST, bomb)


def test_a_zip_bomb_that_declares_its_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    bomb = Part(b"zeros", packed=zeros(10, -15))
    declared = {"size": 3 << 30}
    data = zip_bytes([replace(bomb, local=declared, central=declared), *PARTS])
    with cheap(seconds=0.5):
        assert "times its size" in refusal(tmp_path, FILENAME, data)
        assert "unpacks to more than 2048 MiB" in refusal(tmp_path, FILENAME, data, Limits(unpacked=2 << 30))


def test_a_zip_bomb_that_lies_about_its_size_stops_at_the_declared_size(tmp_path: Path) -> None:
    bomb = Part(b"zeros", packed=zeros(10, -15))
    declared = {"size": 1000}
    data = zip_bytes([replace(bomb, local=declared, central=declared), *archives.parts(with_zeros())])
    with cheap():
        assert "not of the 1000 bytes" in refusal(tmp_path, FILENAME, data)


def with_zeros() -> dict[str, bytes]:
    """List the bomb in RECORD, so that it is not refused for that."""
    content = {name: data for name, data in FILES.items() if not name.endswith("RECORD")}
    own = "demo-1.0.dist-info/RECORD"
    return content | {own: archives.record(content | {"zeros": b""}, own)}


def test_a_zip_bomb_of_overlapping_members_is_refused(tmp_path: Path) -> None:
    kernel = Part(b"kernel", packed=zeros(1, -15))
    quoted = [Part(f"{number}".encode(), central={"offset": 0}, local=None) for number in range(10)]
    with cheap():
        assert "overlap" in refusal(tmp_path, FILENAME, zip_bytes([kernel, *quoted]))


def nested(data: bytes) -> list[tuple[str, bytes]]:
    """Put a file into a wheel and into an sdist, there not last."""
    behind = os.urandom(100_000)
    return [archives.wheel(files={"demo/data.bin": data}), archives.sdist(files={"data.bin": data, "z.bin": behind})]


def test_a_nested_gzip_bomb_is_refused(tmp_path: Path) -> None:
    for filename, data in nested(zeros(1, 31)):
        with cheap():
            assert "data.bin' unpacks to more than 50 times its size" in refusal(tmp_path, filename, data)


def test_a_bomb_in_the_second_stream_of_a_nested_gzip_file_is_refused(tmp_path: Path) -> None:
    for filename, data in nested(gzip.compress(b"harmless") * 3 + zeros(1, 31)):
        assert "times its size" in refusal(tmp_path, filename, data)


def test_a_nested_zip_bomb_is_refused(tmp_path: Path) -> None:
    kernel = Part(b"kernel", packed=zeros(1, -15), central={"size": 1 << 30})
    quoted = [Part(f"{n}".encode(), local=None, central={"offset": 0, "size": 1 << 30}) for n in range(3)]
    for filename, data in nested(zip_bytes([kernel])) + nested(zip_bytes([kernel, *quoted])):
        with cheap():
            sentence = refusal(tmp_path, filename, data)
        assert "data.bin' unpacks to more than" in sentence


def test_nested_gzip_files_may_together_expand_to_the_limit_only(tmp_path: Path) -> None:
    noise = gzip.compress(os.urandom(MIB))
    files = {f"demo/{number}.gz": noise for number in range(5)}
    filename, data = archives.wheel(files=files)
    assert look(tmp_path, filename, data, Limits(unpacked=6 * MIB)).name == "demo"
    doubled = {f"demo/{number}.gz": gzip.compress(bytes(MIB)) for number in range(5)}
    filename, data = archives.wheel(files=doubled)
    assert "gzip files in this archive" in refusal(tmp_path, filename, data, Limits(unpacked=4 * MIB))


def test_nested_gzip_files_that_are_small_bombs_each_are_one_together(tmp_path: Path) -> None:
    small = gzip.compress(bytes(60 * MIB))
    for members, refused in ((1, False), (2, True)):
        for filename, data in (
            archives.wheel(files={f"demo/{number}.gz": small for number in range(members)}),
            archives.sdist(files={f"{number}.gz": small for number in range(members)}),
        ):
            if refused:
                assert "gzip files in this archive" in refusal(tmp_path, filename, data)
            else:
                assert look(tmp_path, filename, data).name == "demo"


def test_an_archive_that_costs_more_time_than_its_size_explains_is_refused(tmp_path: Path) -> None:
    for filename, data in (archives.wheel(), archives.sdist()):
        assert "takes more than 0 seconds" in refusal(tmp_path, filename, data, Limits(seconds=0, seconds_per_mib=0))
        assert look(tmp_path, filename, data).name == "demo"


def test_a_flood_of_gzip_streams_is_refused(tmp_path: Path) -> None:
    for filename, data in nested(gzip.compress(b"", mtime=0) * 1_000_000):
        with cheap():
            assert "more than 10000 gzip streams" in refusal(tmp_path, filename, data)


@pytest.mark.parametrize(
    "fixture",
    [
        gzip.compress(os.urandom(MIB)),
        gzip.compress(b"one") + gzip.compress(b"two"),
        b"\x1f\x8b\x08 looks like gzip only",
        gzip.compress(b"cut" * 1000)[:-9],
        archives.wheel("other")[1],
        archives.sdist("other")[1],
        b"PK\3\4 looks like zip only",
        b"PK\3\4 PK\1\2",
        b"P",
    ],
    ids=["noise", "two streams", "not gzip", "cut", "wheel", "sdist", "not zip", "nearly zip", "P"],
)
def test_harmless_archives_inside_are_accepted(fixture: bytes, tmp_path: Path) -> None:
    for filename, data in nested(fixture):
        assert look(tmp_path, filename, data).name == "demo"


def test_a_wheel_of_ten_thousand_members_is_cheap(tmp_path: Path) -> None:
    filename, data = archives.wheel(files={f"demo/package_{n % 99}/module_{n}.py": b"x = 1\n" for n in range(10_000)})
    with cheap(seconds=10, memory=48 * MIB):
        assert look(tmp_path, filename, data).name == "demo"


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    flood = zip_bytes([Part(b"%d" % number, method=STORED) for number in range(50_001)])
    with cheap(seconds=5):
        assert "50001 members" in refusal(tmp_path, FILENAME, flood)
    flood = targz([Item(b"demo-1.0/%d" % number) for number in range(50_001)])
    with cheap(seconds=30):
        assert "more than 50000 members" in refusal(tmp_path, SDIST, flood, Limits(ratio=10_000))


def test_a_flood_of_extended_headers_is_refused(tmp_path: Path) -> None:
    flood = targz([pax({"mtime": "1"})] * 100_000)
    with cheap():
        assert "not followed by the member" in refusal(tmp_path, SDIST, flood, Limits(ratio=10_000))


def test_too_many_bytes_of_names_are_refused(tmp_path: Path) -> None:
    longest = [pair for n in range(9000) for pair in (pax({"path": f"demo-1.0/{n:0>1000}"}), Item(b"x"))]
    flood = targz(longest)
    with cheap(seconds=30, memory=48 * MIB):
        assert "shorten them" in refusal(tmp_path, SDIST, flood, Limits(ratio=10_000))


def test_a_huge_central_directory_is_not_read(tmp_path: Path) -> None:
    claiming = zip_bytes(PARTS, size=0xFFFFFFF0)
    padded = zip_bytes([Part(b"%d" % number, extra=extra_field(0x4242, bytes(65_000))) for number in range(260)])
    with cheap(seconds=0.5, memory=MIB):
        assert "disagrees with where" in refusal(tmp_path, FILENAME, claiming)
        assert "larger than 16 MiB" in refusal(tmp_path, FILENAME, padded)


def test_a_large_wheel_is_streamed(tmp_path: Path) -> None:
    noise = os.urandom(MIB) * 40
    filename, data = archives.wheel(files={"demo/weights.bin": noise})
    with cheap(seconds=10, memory=8 * MIB):
        assert look(tmp_path, filename, data).name == "demo"


def test_a_large_sdist_is_streamed(tmp_path: Path) -> None:
    filename, data = archives.sdist(files={"weights.bin": os.urandom(MIB) * 40})
    with cheap(seconds=10, memory=8 * MIB):
        assert look(tmp_path, filename, data).name == "demo"


def test_fields_without_end_are_cheap(tmp_path: Path) -> None:
    headers = [f"Field-{number}: value" for number in range(190_000)]
    filename, data = archives.sdist(headers=headers)
    with cheap(seconds=20, memory=160 * MIB):
        assert look(tmp_path, filename, data).name == "demo"


def test_a_ratio_above_the_limit_is_accepted_for_small_archives(tmp_path: Path) -> None:
    filename, data = archives.wheel(files={"demo/table.bin": bytes(60 * MIB)})
    assert len(data) * 50 < 60 * MIB
    assert look(tmp_path, filename, data).name == "demo"
    with pytest.raises(TooLarge):
        look(tmp_path, *archives.wheel(files={"demo/table.bin": bytes(70 * MIB)}))
    assert zipfile.is_zipfile(io.BytesIO(data))
