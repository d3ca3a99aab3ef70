"""Wheels and sdists for tests: good and deterministic, made of parts so that a test can spoil one."""

import gzip
import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict, Unpack

import pytest
from packaging.tags import parse_tag

from registry import archive, names
from registry.errors import Invalid
from tests.rawtar import Item, tar_bytes
from tests.rawzip import Part, zip_bytes

MODULE = b'"""A module."""\n'
# A build backend that needs nothing: it hands out the wheel that travels in the sdist.
BACKEND = """\
import pathlib, shutil
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    [made] = pathlib.Path("made").iterdir()
    return pathlib.Path(shutil.copy(made, wheel_directory)).name
"""
BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


class Content(TypedDict, total=False):
    """What both kinds of archive can be given."""

    requires_python: str | None
    headers: Iterable[str]  # whole lines such as "Summary: short"
    body: str
    metadata_version: str
    metadata: bytes  # replaces all of the above
    files: Mapping[str, bytes]  # replaces the one module; in an sdist named below the top-level directory


def core_metadata(name: str = "demo", version: str = "1.0", **content: Unpack[Content]) -> bytes:
    """Write METADATA or PKG-INFO."""
    if "metadata" in content:
        return content["metadata"]
    lines = [f"Metadata-Version: {content.get('metadata_version', '2.4')}", f"Name: {name}", f"Version: {version}"]
    requires_python = content.get("requires_python")
    if requires_python is not None:
        lines.append(f"Requires-Python: {requires_python}")
    return "\n".join([*lines, *content.get("headers", ()), "", content.get("body", "")]).encode()


def look(folder: Path, filename: str, data: bytes, limits: archive.Limits = archive.Limits()) -> archive.Contents:  # noqa: B008
    """Write an archive and inspect it; the file is kept under another name, as a blob store does."""
    path = folder / "blob"
    path.write_bytes(data)
    return archive.inspect(path, names.distribution(filename), limits)


def refusal(folder: Path, filename: str, data: bytes, limits: archive.Limits = archive.Limits()) -> str:  # noqa: B008
    """Give the sentence with which an archive is refused."""
    with pytest.raises(Invalid) as caught:
        look(folder, filename, data, limits)
    return str(caught.value)


def record_line(name: str, data: bytes) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    quoted = f'"{name}"' if "," in name else name
    return f"{quoted},sha256={digest},{len(data)}\n"


def record(files: Mapping[str, bytes], own_name: str) -> bytes:
    return "".join([*(record_line(name, data) for name, data in files.items()), f"{own_name},,\n"]).encode()


def stem(name: str, version: str) -> str:
    return f"{re.sub(r'[-_.]+', '_', name).lower()}-{version}"


def wheel_files(
    name: str = "demo", version: str = "1.0", *, tag: str = "py3-none-any", build: str = "", **content: Unpack[Content]
) -> tuple[str, dict[str, bytes]]:
    """Give a wheel's filename, and its files by name, RECORD last."""
    start = stem(name, version)
    info = f"{start}.dist-info"
    tags = sorted(f"Tag: {each}" for each in parse_tag(tag))
    files = dict(content.get("files", {f"{start.partition('-')[0]}.py": MODULE}))
    files[f"{info}/METADATA"] = core_metadata(name, version, **content)
    files[f"{info}/WHEEL"] = "\n".join(["Wheel-Version: 1.0", "Root-Is-Purelib: true", *tags, ""]).encode()
    files[f"{info}/RECORD"] = record(files, f"{info}/RECORD")
    return "-".join([start, *([build] if build else []), f"{tag}.whl"]), files


def wheel(
    name: str = "demo", version: str = "1.0", *, tag: str = "py3-none-any", build: str = "", **content: Unpack[Content]
) -> tuple[str, bytes]:
    """Build a wheel: its filename and its bytes."""
    filename, files = wheel_files(name, version, tag=tag, build=build, **content)
    return filename, zip_bytes(parts(files))


def parts(files: Mapping[str, bytes]) -> list[Part]:
    return [Part(name.encode(), data) for name, data in files.items()]


def sdist_items(name: str = "demo", version: str = "1.0", **content: Unpack[Content]) -> tuple[str, list[Item]]:
    """Give an sdist's filename and its members, PKG-INFO first."""
    start = stem(name, version)
    files = {"PKG-INFO": core_metadata(name, version, **content), **content.get("files", {"src/module.py": MODULE})}
    return f"{start}.tar.gz", [Item(f"{start}/{member}".encode(), data) for member, data in files.items()]


def sdist(name: str = "demo", version: str = "1.0", **content: Unpack[Content]) -> tuple[str, bytes]:
    """Build an sdist: its filename and its bytes."""
    filename, items = sdist_items(name, version, **content)
    return filename, targz(items)


def targz(items: Iterable[Item]) -> bytes:
    return gzip.compress(tar_bytes(items), mtime=0)
