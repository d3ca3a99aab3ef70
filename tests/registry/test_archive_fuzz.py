"""Whatever happens to an archive on the way, the answer is a refusal or the truth, never a defect and never a hang."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

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
    deadline=2000, max_examples=500, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
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


def verdict(path: Path, filename: str, data: bytes) -> archive.Contents | None:
    """Inspect; None for a refusal, which must be one printable sentence."""
    path.write_bytes(data)
    try:
        return archive.inspect(path, names.distribution(filename))
    except Invalid as refusal:
        sentence = str(refusal)
    assert sentence
    assert sentence.isprintable()
    return None


def with_file(file: str, data: bytes) -> bytes:
    """Build the good wheel with one file of its dist-info folder replaced, and RECORD to match unless it is the one."""
    info = "demo-1.0.dist-info"
    content = {name: old for name, old in FILES.items() if name != f"{info}/RECORD"} | {f"{info}/{file}": data}
    if file != "RECORD":
        content[f"{info}/RECORD"] = archives.record(content, f"{info}/RECORD")
    return zip_bytes(archives.parts(content))


@given(patches)
@SETTINGS
def test_a_changed_wheel_is_refused_or_says_the_same(tmp_path: Path, changes: list[Patch]) -> None:
    for data in (patched(STORED_WHEEL, changes), overwritten(STORED_WHEEL, changes)):
        if verdict(tmp_path / "blob", WHEEL, data):
            with zipfile.ZipFile(io.BytesIO(data)) as independent:
                assert {name: independent.read(name) for name in independent.namelist()} == FILES


@given(patches)
@SETTINGS
def test_a_changed_sdist_is_refused_or_says_the_same(tmp_path: Path, changes: list[Patch]) -> None:
    contents = verdict(tmp_path / "blob", SDIST, patched(archives.targz(ITEMS), changes))
    assert contents is None or contents.metadata == ITEMS[0].data


@given(patches)
@SETTINGS
def test_a_changed_tar_is_refused_or_read_as_others_read_it(tmp_path: Path, changes: list[Patch]) -> None:
    for tar in (patched(TAR, changes), overwritten(TAR, changes)):
        data = gzip.compress(tar, 1, mtime=0)
        contents = verdict(tmp_path / "blob", SDIST, data)
        if contents:
            with tarfile.open(fileobj=io.BytesIO(data)) as independent:
                reader = independent.extractfile("demo-1.0/PKG-INFO")
                assert reader
                assert reader.read() == contents.metadata


@given(st.binary(max_size=2000), st.sampled_from(["METADATA", "WHEEL", "RECORD", "entry_points.txt"]))
@SETTINGS
def test_any_bytes_in_the_dist_info_folder_get_a_verdict(tmp_path: Path, data: bytes, file: str) -> None:
    verdict(tmp_path / "blob", WHEEL, with_file(file, data))


@given(st.text("[]=:#;%()\t\n\r \\/.abX\x0b\x0c\x1c\x85\u2028é", max_size=60))
@SETTINGS
def test_any_entry_points_get_a_verdict(tmp_path: Path, text: str) -> None:
    verdict(tmp_path / "blob", WHEEL, with_file("entry_points.txt", f"[console_scripts]\n{text}\n".encode()))


@given(st.text("abDv:\n\r \t-1.\x0b\x0c\x1c\x85\u2028é", max_size=60))
@SETTINGS
def test_any_fields_get_a_verdict(tmp_path: Path, text: str) -> None:
    metadata = archives.core_metadata().replace(b"\n\n", f"\n{text}\n\n".encode())
    verdict(tmp_path / "blob", WHEEL, with_file("METADATA", metadata))
