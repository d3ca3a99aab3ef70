"""What the build backends of today write is accepted, offline, and read as pkginfo reads it."""

import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pkginfo
import pytest
from uv import find_uv_bin

from registry import archive, names

PROJECT = """
[build-system]
requires = ["{backend}"]
build-backend = "{module}"

[project]
name = "Tiny.Pkg"
version = "{version}"
description = "Grüße"
readme = "README.md"
requires-python = ">=3.11"

[project.scripts]
tiny = "tiny_pkg:main"
"""


def project(folder: Path, backend: str, module: str, version: str) -> Path:
    files = {
        "pyproject.toml": PROJECT.format(backend=backend, module=module, version=version),
        "README.md": "# Tiny\n" * 1000,
        "src/tiny_pkg/__init__.py": '"""Tiny."""\n\n\ndef main(): ...\n',
        "src/tiny_pkg/py.typed": "",
        "src/tiny_pkg/" + "long/" * 25 + "größe.txt": "1",
        "src/tiny_pkg/" + "long/" * 25 + "__init__.py": "",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def check(dist: Path, version: str, count: int) -> None:
    """Inspect what was built, and compare with what the standard library reads."""
    built = [path for path in dist.iterdir() if path.suffix in (".gz", ".whl")]
    assert len(built) == count
    for path in built:
        contents = archive.inspect(path, names.distribution(path.name))
        assert names.project_name(contents.name) == "tiny-pkg"
        assert (contents.version, contents.requires_python) == (version, ">=3.11")
        assert contents.metadata == independent(path)
        witness = pkginfo.get_metadata(str(path))
        assert witness is not None
        assert (witness.name, witness.version) == (contents.name, contents.version)


def independent(path: Path) -> bytes:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")))
    with tarfile.open(path) as sdist:
        found = next(member for member in sdist if member.name.count("/") == 1 and member.name.endswith("/PKG-INFO"))
        reader = sdist.extractfile(found)
        assert reader
        return reader.read()


@pytest.mark.parametrize("version", ["1.0", "1!2.0rc1+local.1"])
def test_what_uv_builds_is_accepted(version: str, tmp_path: Path) -> None:
    folder = project(tmp_path, "uv_build", "uv_build", version)
    run(folder, find_uv_bin(), "build", "--offline", "--no-config", "--python", sys.executable, "--out-dir", "dist")
    check(folder / "dist", version, 2)


@pytest.mark.parametrize(("backend", "module"), [("hatchling", "hatchling.build"), ("flit_core", "flit_core.buildapi")])
def test_what_a_backend_builds_is_accepted(backend: str, module: str, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    folder = project(tmp_path, backend, module, "1.0")
    if backend == "flit_core":
        with (folder / "pyproject.toml").open("a") as file:
            file.write('\n[tool.flit.module]\nname = "tiny_pkg"\n')
    run(folder, sys.executable, "-c", f"import {module} as b; b.build_sdist('dist'); b.build_wheel('dist')")
    check(folder / "dist", "1.0", 2)


def test_what_setuptools_builds_is_accepted(tmp_path: Path) -> None:
    if find_spec("setuptools") is None:  # nor imported here: it takes the place of modules that others have loaded
        pytest.skip("Python 3.12 and later make environments without setuptools; CI runs this on 3.11, which has it")
    folder = project(tmp_path, "setuptools", "setuptools.build_meta", "1.0")
    (folder / "dist").mkdir()
    run(folder, sys.executable, "-c", "import setuptools.build_meta as b; b.build_sdist('dist')")
    for path in (folder / "dist").iterdir():  # before setuptools 69.3 the project name was not normalised
        path.rename(path.with_name("tiny_pkg-1.0.tar.gz"))
    check(folder / "dist", "1.0", 1)
