"""A wheel must be described by its dist-info folder, and RECORD must hold for every byte."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.errors import TooLarge
from tests import archives
from tests.archives import look, refusal
from tests.rawzip import Part, zip_bytes

INFO = "demo-1.0.dist-info"
FILENAME, FILES = archives.wheel_files()
MODULE_LINE = archives.record_line("demo.py", archives.MODULE).encode()


def built(files: dict[str, bytes | None], *, record: bool = True) -> bytes:
    """Build the good wheel with some files replaced, added or (None) left out, and RECORD made anew or not."""
    content = {name: data for name, data in (FILES | files).items() if data is not None}
    if record:
        listed = {name: data for name, data in content.items() if name != f"{INFO}/RECORD"}
        content[f"{INFO}/RECORD"] = archives.record(listed, f"{INFO}/RECORD")
    return zip_bytes(archives.parts(content))


def recorded(change: Callable[[bytes], bytes]) -> bytes:
    """Build the good wheel with RECORD changed."""
    good = FILES[f"{INFO}/RECORD"]
    changed = change(good)
    assert changed != good
    return built({f"{INFO}/RECORD": changed}, record=False)


def hashed(algorithm: str, data: bytes = archives.MODULE) -> bytes:
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=")
    return b"demo.py,%b=%b,%d\n" % (algorithm.encode(), digest, len(data))


def line(instead: bytes) -> bytes:
    return recorded(lambda record: record.replace(MODULE_LINE, instead))


REFUSED = {
    "no dist-info": (zip_bytes([Part(b"demo.py")]), f"has no folder {INFO}"),
    "dist-info deeper only": (zip_bytes([Part(f"a/{INFO}/METADATA".encode())]), f"has no folder {INFO}"),
    "two dist-infos": (built({"demo-1.1.dist-info/METADATA": b""}), "2 .dist-info folders"),
    "an empty second dist-info": (
        zip_bytes([*archives.parts(FILES), Part(b"x.dist-info/", mode=0o40755)]),
        "2 .dist-info folders",
    ),
    "dist-info in other case": (built({"x.DIST-INFO/METADATA": b""}), "2 .dist-info folders"),
    "other project": (archives.wheel("other")[1], "folder is 'other-1.0.dist-info', but the filename asks for " + INFO),
    "other version": (archives.wheel(version="1.1")[1], "folder is 'demo-1.1.dist-info', but the filename asks"),
    "no version": (zip_bytes([Part(b"demo.dist-info/METADATA")]), "folder is 'demo.dist-info', but the filename asks"),
    "no METADATA": (built({f"{INFO}/METADATA": None}), f"has no {INFO}/METADATA"),
    "no WHEEL": (built({f"{INFO}/WHEEL": None}), f"has no {INFO}/WHEEL"),
    "no RECORD": (built({f"{INFO}/RECORD": None}, record=False), f"has no {INFO}/RECORD"),
    "METADATA in two cases": (built({f"{INFO}/metadata": b""}), "ignore case or Unicode spelling"),
    "METADATA a directory": (
        zip_bytes([Part(f"{INFO}/METADATA/".encode(), mode=0o40755)]),
        f"has no {INFO}/METADATA",
    ),
    "Wheel-Version 2": (built({f"{INFO}/WHEEL": b"Wheel-Version: 2.0\nTag: py3-none-any\n"}), "Wheel-Version must be"),
    "no Wheel-Version": (built({f"{INFO}/WHEEL": b"Tag: py3-none-any\n"}), "Wheel-Version must be"),
    "two Wheel-Versions": (
        built({f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nWheel-Version: 1.0\nTag: py3-none-any\n"}),
        "Wheel-Version must be",
    ),
    "no tags": (built({f"{INFO}/WHEEL": b"Wheel-Version: 1.0\n"}), "do not say py3-none-any"),
    "other tags": (built({f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: py2-none-any\n"}), "do not say py3-none-any"),
    "more tags": (
        built({f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\nTag: py2-none-any\n"}),
        "do not say py3-none-any",
    ),
    "no tag": (built({f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: any\n"}), "Tag 'any' is not like py3-none-any"),
    "a tag that explodes": (
        built({f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: " + b"-".join([b"a." * 9999 + b"a"] * 3) + b"\n"}),
        "is not like py3-none-any",
    ),
    "WHEEL latin-1": (built({f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: \xe9\n"}), "WHEEL is not UTF-8"),
    "WHEEL too large": (built({f"{INFO}/WHEEL": b"x" * 70_000}), "larger than 65536 bytes"),
    "file not in RECORD": (line(b""), "RECORD does not list 'demo.py'"),
    "RECORD lists more": (line(MODULE_LINE + b"gone.py,sha256=x,1\n"), "2: lists 'gone.py', which is not a file"),
    "RECORD lists a folder": (line(MODULE_LINE + INFO.encode() + b"/,,\n"), "which is not a file in the wheel"),
    "RECORD lists twice": (line(MODULE_LINE * 2), "RECORD:2: lists 'demo.py' a second time"),
    "RECORD with backslash": (line(MODULE_LINE + b"demo\\a.py,,\n"), "which is not a file in the wheel"),
    "RECORD without hash": (line(b"demo.py,,\n"), "'demo.py' has no hash"),
    "RECORD with md5": (line(hashed("md5")), "hashed with 'md5', which is not accepted"),
    "RECORD with sha1": (line(hashed("sha1")), "hashed with 'sha1', which is not accepted"),
    "RECORD with sha224": (line(hashed("sha224")), "hashed with 'sha224', which is not accepted"),
    "RECORD with an unknown hash": (line(b"demo.py,crc=1,1\n"), "hashed with 'crc', which is not accepted"),
    "RECORD with another hash": (line(hashed("sha256", b"x" * len(archives.MODULE))), "does not have the sha256"),
    "RECORD with a hex hash": (
        line(b"demo.py,sha256=%b,%d\n" % (hashlib.sha256(archives.MODULE).hexdigest().encode(), len(archives.MODULE))),
        "not written in urlsafe base64",
    ),
    "RECORD with another size": (
        line(MODULE_LINE.replace(b",%d\n" % len(archives.MODULE), b",7\n")),
        f"has {len(archives.MODULE)} bytes, but RECORD says 7",
    ),
    "RECORD with a negative size": (line(hashed("sha256").replace(b",16", b",-16")), "'-16' is not a size"),
    "RECORD with two columns": (line(b"demo.py,sha256=x\n"), "RECORD:1: 2 values instead of path, hash and size"),
    "RECORD with an empty line": (line(b"\n" + MODULE_LINE), "RECORD:1: 0 values"),
    "RECORD latin-1": (line(b"caf\xe9,,\n"), "RECORD is not UTF-8"),
    "RECORD no table": (line(b'"demo.py,sha256=x\n'), "RECORD is not a CSV table"),
    "RECORD with a long line": (line(b"," * 5000), "a line of more than 4096 characters"),
    "entry points latin-1": (built({f"{INFO}/entry_points.txt": b"[console_scripts]\n\xe9 = a:b\n"}), "is not UTF-8"),
    "entry points without section": (built({f"{INFO}/entry_points.txt": b"a = b:c\n"}), "cannot be read"),
    "entry points twice": (
        built({f"{INFO}/entry_points.txt": b"[console_scripts]\na = b:c\na = b:d\n"}),
        "cannot be read",
    ),
    "entry points without value": (built({f"{INFO}/entry_points.txt": b"[console_scripts]\nname\n"}), "cannot be read"),
    "entry points too large": (built({f"{INFO}/entry_points.txt": b"#" * (2 << 20)}), "larger than 1048576 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_wheel_that_does_not_describe_itself_is_refused(case: str, tmp_path: Path) -> None:
    data, sentence = REFUSED[case]
    assert sentence in refusal(tmp_path, FILENAME, data)


@pytest.mark.parametrize("section", ["console_scripts", "gui_scripts"])
@pytest.mark.parametrize("script", ["../../bin/sh", "a/b", "a\\b", "a b", "dömo", "a:b", "..", ".", "x\tz"])
def test_a_script_that_is_no_plain_filename_is_refused(section: str, script: str, tmp_path: Path) -> None:
    entry_points = f"[{section}]\n{script} = demo:main\n".encode()
    sentence = refusal(tmp_path, FILENAME, built({f"{INFO}/entry_points.txt": entry_points}))
    assert "cannot name a command" in sentence


def test_a_script_hidden_in_a_continued_line_is_refused(tmp_path: Path) -> None:
    entry_points = b"[console_scripts]\ndemo = demo:main\n  ../../evil = demo:main\n"
    sentence = refusal(tmp_path, FILENAME, built({f"{INFO}/entry_points.txt": entry_points}))
    assert "read as a second command" in sentence


ACCEPTED = {
    "entry points": {
        f"{INFO}/entry_points.txt": b"# by hand\n[console_scripts]\n  demo = demo:main\n  Demo.x-2 = demo:main [e]\n"
        b"\n[some.group]\na b/c = demo:main\n  and more\n[DEFAULT]\nx = y\n%(x)s = z\n"
    },
    "vendored dist-info": {"demo/_vendor/other-2.0.dist-info/METADATA": b"Name: other\n"},
    "type information": {"demo/py.typed": b"", "demo/__init__.pyi": b""},
    "libraries and scripts": {"demo.libs/libx-12ab.so.1": b"\x7fELF", "demo-1.0.data/scripts/run": b"#!python"},
    "licences and SBOMs": {f"{INFO}/licenses/LICENSE": b"Apache", f"{INFO}/sboms/demo.cdx.json": b"{}"},
    "quoted names": {"demo/a, b.txt": b"x", "demo/ä.txt": b"y"},
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_wheel_with_what_real_wheels_have_is_accepted(case: str, tmp_path: Path) -> None:
    assert look(tmp_path, FILENAME, built(dict(ACCEPTED[case]))).name == "demo"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_hashes_from_sha256_up_are_accepted(algorithm: str, tmp_path: Path) -> None:
    data = line(hashed(algorithm)) if algorithm != "sha256" else built({})
    assert look(tmp_path, FILENAME, data).name == "demo"


def test_record_need_not_list_itself_its_signatures_or_sizes(tmp_path: Path) -> None:
    own = f"{INFO}/RECORD,,\n".encode()
    unsized = MODULE_LINE.replace(b",%d\n" % len(archives.MODULE), b",\n")
    content = FILES | {
        f"{INFO}/RECORD": FILES[f"{INFO}/RECORD"]
        .replace(own, b"")
        .replace(MODULE_LINE, unsized)
        .replace(b"\n", b"\r\n"),
        f"{INFO}/RECORD.jws": b"{}",
        f"{INFO}/RECORD.p7s": b"signed",
    }
    assert look(tmp_path, FILENAME, zip_bytes(archives.parts(content))).name == "demo"


@pytest.mark.parametrize(
    ("name", "tag", "build"),
    [
        ("demo", "py2.py3-none-any", ""),
        ("demo", "cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64", ""),
        ("demo", "cp313-cp313-macosx_11_0_arm64", "12local"),
        ("acme-payments.api", "py3-none-any", ""),
    ],
)
def test_every_form_of_wheel_name_is_accepted(name: str, tag: str, build: str, tmp_path: Path) -> None:
    assert look(tmp_path, *archives.wheel(name, tag=tag, build=build)).name == name


@pytest.mark.parametrize("folder", ["Demo-1.0", "demo-01.0"])
def test_the_dist_info_folder_may_spell_the_release_in_another_way(folder: str, tmp_path: Path) -> None:
    content = {name.replace("demo-1.0", folder): data for name, data in FILES.items() if not name.endswith("RECORD")}
    own = f"{folder}.dist-info/RECORD"
    content[own] = archives.record(content, own)
    assert look(tmp_path, FILENAME, zip_bytes(archives.parts(content))).name == "demo"


def test_a_record_beyond_its_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="RECORD' is larger than"):
        look(tmp_path, FILENAME, built({f"{INFO}/RECORD": b"\n" * (17 << 20)}, record=False))
