"""Whatever happens to an archive on the way, the answer is a refusal or the truth, never a defect and never a hang."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import archive, names
from registry.errors import Invalid
from tests import archives
from tests.rawtar import tar_bytes
from tests.rawzip import STORED, Part, zip_bytes

WHEEL, FILES = archives.wheel_files(
    requires_python=">=3.9",
    files={"demo/é.py": b"x" * 99, "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\na = b:c\n"},
)
STORED_WHEEL = zip_bytes([Part(name.encode(), data, STORED) for name, data in FILES.items()])
SDIST, ITEMS = archives.sdist_items(requires_python=">=3.9")
TAR = tar_bytes(ITEMS)

SETTINGS = settings(
    deadline=2000, max_examples=1500, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

Patch = tuple[int, int, bytes]
patches = st.lists(
    st.tuples(
        st.integers(0, 1 << 16),
        st.integers(0, 40),
        st.one_of(
            st.binary(max_size=12),
            st.sampled_from(
                [b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\xff" * 4, b"\xff" * 8, bytes(512)]
            ),
        ),
    ),
    min_size=1,
    max_size=4,
)


def patched(data: bytes, changes: list[Patch]) -> bytes:
    for position, removed, inserted in changes:
        at = position % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    return data


def overwritten(data: bytes, changes: list[Patch]) -> bytes:
    """Change bytes without moving the rest, so that the parsers get further."""
    return patched(data, [(at % max(1, len(data) - 12), len(new), new) for at, _, new in changes])


def judge(path: Path, filename: str, data: bytes) -> None:
    """Inspect; what passes must still be the release it claims to be."""
    path.write_bytes(data)
    try:
        contents = archive.inspect(path, names.distribution(filename))
    except Invalid as refusal:
        assert str(refusal).isprintable()
    else:
        assert (contents.name, contents.version) == ("demo", "1.0")
        assert contents.metadata == archives.core_metadata(requires_python=">=3.9")


@given(patches)
@SETTINGS
def test_a_changed_wheel_is_refused_or_says_the_same(tmp_path: Path, changes: list[Patch]) -> None:
    judge(tmp_path / "blob", WHEEL, patched(STORED_WHEEL, changes))
    judge(tmp_path / "blob", WHEEL, overwritten(STORED_WHEEL, changes))


@given(patches)
@SETTINGS
def test_a_changed_sdist_is_refused_or_is_one_release(tmp_path: Path, changes: list[Patch]) -> None:
    """Nothing in an sdist vouches for its content, so only the gzip layer's checksum keeps the metadata the same."""
    judge(tmp_path / "blob", SDIST, patched(archives.targz(ITEMS), changes))


@given(patches)
@SETTINGS
def test_a_changed_tar_never_breaks_the_reader(tmp_path: Path, changes: list[Patch]) -> None:
    path = tmp_path / "blob"
    for data in (patched(TAR, changes), overwritten(TAR, changes)):
        path.write_bytes(gzip.compress(data, 1, mtime=0))
        try:
            contents = archive.inspect(path, names.distribution(SDIST))
        except Invalid as refusal:
            assert str(refusal).isprintable()
        else:
            assert names.project_name(contents.name) == "demo"
            assert names.version(contents.version) == "1.0"


@given(st.binary(max_size=2000), st.sampled_from(["METADATA", "WHEEL", "RECORD", "entry_points.txt"]))
@SETTINGS
def test_any_bytes_in_the_dist_info_folder_never_break_the_reader(tmp_path: Path, data: bytes, file: str) -> None:
    content = {name: old for name, old in FILES.items() if not name.endswith("RECORD")}
    content[f"demo-1.0.dist-info/{file}"] = data
    if file != "RECORD":
        own = "demo-1.0.dist-info/RECORD"
        content[own] = archives.record(content, own)
    path = tmp_path / "blob"
    path.write_bytes(zip_bytes(archives.parts(content)))
    try:
        archive.inspect(path, names.distribution(WHEEL))
    except Invalid as refusal:
        assert str(refusal).isprintable()


@given(st.text(st.sampled_from("[]=:#;%()\t\n\r \\/.abX\x0b\x0c\x1c\x85\u2028é"), max_size=60))
@SETTINGS
def test_any_entry_points_never_break_the_reader(tmp_path: Path, text: str) -> None:
    content = {name: old for name, old in FILES.items() if not name.endswith("RECORD")}
    content["demo-1.0.dist-info/entry_points.txt"] = f"[console_scripts]\n{text}\n".encode()
    own = "demo-1.0.dist-info/RECORD"
    content[own] = archives.record(content, own)
    path = tmp_path / "blob"
    path.write_bytes(zip_bytes(archives.parts(content)))
    try:
        archive.inspect(path, names.distribution(WHEEL))
    except Invalid as refusal:
        assert str(refusal).isprintable()
