"""What `registry.archive` reads from good archives, and that an archive must say what its filename says."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from email.parser import BytesParser
from pathlib import Path

import pytest

from registry.errors import TooLarge
from tests import archives
from tests.archives import look, refusal

Build = Callable[..., tuple[str, bytes]]

both_kinds = pytest.mark.parametrize("build", [archives.wheel, archives.sdist])


@both_kinds
def test_contents_are_what_the_metadata_says_byte_for_byte(build: Build, tmp_path: Path) -> None:
    metadata = archives.core_metadata("Acme.Pay_API", "1.4", requires_python=">=3.11", body="Grüße\r\n\n")
    contents = look(tmp_path, *build("Acme.Pay_API", "1.4", metadata=metadata))
    assert contents.metadata == metadata
    assert (contents.name, contents.version, contents.metadata_version) == ("Acme.Pay_API", "1.4", "2.4")
    assert contents.requires_python == ">=3.11"


@both_kinds
def test_requires_python_is_none_where_there_is_none(build: Build, tmp_path: Path) -> None:
    assert look(tmp_path, *build()).requires_python is None


@both_kinds
@pytest.mark.parametrize("version", ["1!2.0", "1.0+ubuntu.1", "1.0rc1", "2026.11.20.post1.dev3", "0"])
def test_every_form_of_version_is_accepted(build: Build, version: str, tmp_path: Path) -> None:
    assert look(tmp_path, *build(version=version)).version == version


@both_kinds
def test_a_readme_of_five_megabytes_and_two_thousand_classifiers_are_accepted(build: Build, tmp_path: Path) -> None:
    classifiers = [f"Classifier: Topic :: {number}" for number in range(2000)]
    contents = look(tmp_path, *build(headers=classifiers, body="A line of the readme, or so.\n" * 180_000))
    assert len(contents.metadata) > 5_000_000


@both_kinds
@pytest.mark.parametrize("metadata_version", ["1.0", "1.2", "2.0", "2.1", "2.6"])
def test_other_metadata_versions_and_unknown_fields_are_accepted(
    build: Build, metadata_version: str, tmp_path: Path
) -> None:
    fields = ["Invented-Field: yes", "Invented-Field: twice"]
    contents = look(tmp_path, *build(metadata_version=metadata_version, headers=fields))
    assert contents.metadata_version == metadata_version


def test_a_description_among_the_fields_is_accepted(tmp_path: Path) -> None:
    described = archives.core_metadata(
        metadata_version="1.1", headers=["Description: First", "        ", "        Last"]
    )
    assert look(tmp_path, *archives.sdist(metadata=described)).metadata_version == "1.1"


@both_kinds
@pytest.mark.parametrize(
    ("field", "instead", "sentence"),
    [
        (b"Metadata-Version: 2.4\n", b"", "has no Metadata-Version"),
        (b"Name: demo\n", b"", "has no Name"),
        (b"Version: 1.0\n", b"", "has no Version"),
        (b"Version: 1.0\n", b"Version:\n", "has no Version"),
        (b"Name: demo\n", b"Name: demo\nname: demo\n", "has Name more than once"),
        (b"Version: 1.0\n", b"Version: 1.0\nVersion: 1.0\n", "has Version more than once"),
        (b"Metadata-Version: 2.4", b"Metadata-Version: 2.4\nMetadata-Version: 2.4", "Metadata-Version more than once"),
        (b"Metadata-Version: 2.4", b"Metadata-Version: two", "Metadata-Version 'two' is not a version like 2.4"),
        (b"Name: demo\n", b"Name: other\n", "Name is 'other', but the filename says 'demo'"),
        (b"Version: 1.0\n", b"Version: 1.1\n", "Version is '1.1', but the filename says '1.0'"),
        (b"Version: 1.0\n", b"Version: 1.0.0\n", "Version is '1.0.0', but the filename says '1.0'"),
        (b"Name: demo\n", b"Name: de/mo\n", "'de/mo' is not a project name"),
        (b"Version: 1.0\n", b"Version: dog\n", "'dog' is not a PEP 440 version"),
        (b"Name: demo\n", b"Name: demo\n more\n", "Name must be one line"),
        (b"Name: demo\n", b"Name: demo\x07\n", "'Name' holds control characters"),
        (b"Name: demo\n", b"Name: d\xe9mo\n", "is not UTF-8"),
        (b"Name: demo\n", b"Name demo\n", "a line among the fields is not 'Field: value'"),
        (b"Version: 1.0\n", b"Version: 1.0\nRequires-Python: snake\n", "Requires-Python 'snake' is not a specifier"),
        (b"Version: 1.0\n", b"Version: 1.0\nRequires-Python: >=" + b"3" * 2000 + b"\n", "at most 1000 printable"),
        (b"Version: 1.0\n", b"Version: 1.0\n" + b"X: y\n" * 200_001, "more than 200000 lines of fields"),
    ],
)
def test_metadata_that_could_be_read_in_two_ways_is_refused(
    build: Build, field: bytes, instead: bytes, sentence: str, tmp_path: Path
) -> None:
    good = archives.core_metadata()
    assert field in good
    assert sentence in refusal(tmp_path, *build(metadata=good.replace(field, instead)))


def test_a_name_in_the_body_is_not_a_field(tmp_path: Path) -> None:
    for line_end in ("\n", "\r\n"):
        metadata = archives.core_metadata(body="Name: other\nName: another\n").replace(b"\n", line_end.encode())
        assert look(tmp_path, *archives.sdist(metadata=metadata)).name == "demo"


@both_kinds
def test_metadata_beyond_its_limit_is_refused(build: Build, tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="larger than"):
        look(tmp_path, *build(body="-" * (16 << 20)))


def test_the_email_parser_of_installers_sees_the_same_fields(tmp_path: Path) -> None:
    contents = look(tmp_path, *archives.wheel(requires_python=">=3.9", headers=["Summary: short"], body="Name: x\n\n"))
    message = BytesParser().parsebytes(contents.metadata)
    assert message.get_all("Name") == [contents.name]
    assert message.get_all("Requires-Python") == [contents.requires_python]


@both_kinds
def test_an_archive_of_the_other_kind_is_refused(build: Build, tmp_path: Path) -> None:
    filenames = {archives.wheel: "demo-1.0.tar.gz", archives.sdist: "demo-1.0-py3-none-any.whl"}
    sentence = refusal(tmp_path, filenames[build], build()[1])
    assert "is not gzip" in sentence or "is not a zip archive" in sentence


@pytest.mark.parametrize("filename", ["demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"])
@pytest.mark.parametrize("data", [b"", b"\0", b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08", b"<html>", bytes(100_000)])
def test_what_is_no_archive_is_refused(filename: str, data: bytes, tmp_path: Path) -> None:
    assert refusal(tmp_path, filename, data)


def test_archives_for_tests_are_good_for_the_standard_library_too() -> None:
    assert zipfile.ZipFile(io.BytesIO(archives.wheel()[1])).testzip() is None
    with tarfile.open(fileobj=io.BytesIO(archives.sdist()[1])) as sdist:
        assert sdist.getnames() == ["demo-1.0/PKG-INFO", "demo-1.0/src/module.py"]
