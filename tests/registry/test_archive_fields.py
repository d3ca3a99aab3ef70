"""Metadata has one meaning to every client, and says what private packages may be and public ones may not."""

from pathlib import Path

import pytest

from tests import archives
from tests.archives import look, refusal, sdist, wheel
from tests.rawzip import zip_bytes

REFUSED = {
    "a lone carriage return": (b"Name: demo\n", b"Name: demo\rRequires-Dist: evil\n", "a lone carriage return"),
    "a NUL": (b"Name: demo\n", b"Name: demo\nX: a\0b\n", "the fields hold a NUL"),
    "an envelope": (b"Metadata-", b"From me\nMetadata-", "is not 'Field: value'"),
    "an envelope inside": (b"Name: demo\n", b"From me\nName: demo\n", "is not 'Field: value'"),
    "a field without a name": (b"Name: demo\n", b": x\nName: demo\n", "is not 'Field: value'"),
    "a field that begins with its second line": (b"Metadata-", b" x\nMetadata-", "is not 'Field: value'"),
    "a space before the colon": (b"Name: demo\n", b"Name : demo\nName: demo\n", "is not 'Field: value'"),
    "a byte order mark": (b"Metadata-", b"\xef\xbb\xbfMetadata-", "is not 'Field: value'"),
    "an escape sequence": (b"Name: demo\n", b"Name: demo\nSummary: \x1b[2J\n", "'Summary' holds control characters"),
    "two summaries": (b"Name: demo\n", b"Name: demo\nSummary: a\nsummary: a\n", "Summary more than once"),
    "two licences": (b"Name: demo\n", b"Name: demo\nLicense: a\nLicense: b\n", "License more than once"),
    "version 3": (b"2.4", b"3.0", "clients must refuse Metadata-Version '3.0'"),
    "no dependency": (b"Name: demo\n", b"Name: demo\nRequires-Dist: >=1\n", "'>=1' is not a dependency"),
    "a nest": (b"Name: demo\n", b"Name: demo\nRequires-Dist: a; " + b"(" * 900 + b"\n", "is not a dependency"),
    "a long number": (b"Name: demo\n", b"Name: demo\nRequires-Dist: a==" + b"9" * 9000 + b"\n", "is not a dependency"),
    "an extra": (b"Name: demo\n", b"Name: demo\nProvides-Extra: a b\n", "Provides-Extra 'a b' is not a name"),
    "a dynamic version": (b"Name: demo\n", b"Name: demo\nDynamic: version\n", "Dynamic may not name 'version'"),
    "a script": (b"Name: demo\n", b"Name: demo\nProject-URL: a, JavaScript:x\n", "is not the address of a page"),
    "an absolute licence": (b"Name: demo\n", b"Name: demo\nLicense-File: /etc/passwd\n", "leaves the archive"),
    "a licence on a drive": (b"Name: demo\n", b"Name: demo\nLicense-File: C:LICENSE\n", "leaves the archive"),
    "too many dependencies": (b"Name: demo\n", b"Name: demo\n" + b"Requires-Dist: a\n" * 10_001, "more than 10000 dep"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("build", [wheel, sdist])
def test_metadata_that_a_client_refuses_or_reads_otherwise_is_refused(case: str, build: object, tmp_path: Path) -> None:
    before, after, sentence = REFUSED[case]
    good = archives.core_metadata()
    assert before in good
    filename, data = (
        wheel(metadata=good.replace(before, after, 1))
        if build is wheel
        else sdist(metadata=good.replace(before, after, 1))
    )
    assert sentence in refusal(tmp_path, filename, data)


ACCEPTED = {
    "a licence with form feeds": ["License: GNU", "        \x0c more"],
    "markers and extras": ["Provides-Extra: a.b_c-1", 'Requires-Dist: x[y]>=1; (extra == "a" or os_name == "nt")'],
    "an old form of dependency": ["Requires-Dist: x (>=1.0,<2)"],
    "odd links": ["Home-page: UNKNOWN", "Project-URL: Wiki, wiki.acme.example/x, y", "Download-URL: ssh://git@x/y"],
    "an unknown classifier": ["Classifier: Topic :: Nothing"],
    "fields of 2.5": ["Import-Name: demo", "Import-Namespace: acme", "Dynamic: Requires-Dist"],
    "another script": ["Summary: 日本語の説明", "Keywords: a,b", "Author-email: Ünï <u@acme.example>, b@acme.example"],
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_metadata_that_is_only_odd_is_accepted(case: str, tmp_path: Path) -> None:
    assert look(tmp_path, *wheel(headers=ACCEPTED[case], metadata_version="2.5")).peculiar == {}


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ("Requires-Dist: x @ git+ssh://git@acme.example/x", "direct-urls"),
        ("Obsoletes-Dist: x @ file:///x", "direct-urls"),
        ("Classifier: private :: do not upload", "private-classifiers"),
    ],
)
def test_what_a_field_makes_peculiar_is_found(header: str, word: str, tmp_path: Path) -> None:
    assert list(look(tmp_path, *wheel(headers=[header])).peculiar) == [word]


@pytest.mark.parametrize(
    ("version", "tag", "words"),
    [
        ("1.0", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", []),
        ("1.0", "cp311-cp311-macosx_11_0_arm64", []),
        ("1.0", "py3-none-win_arm64", []),
        ("1.0", "py3-none-musllinux_1_2_aarch64", []),
        ("1.0", "py3-none-linux_armv7l", []),
        ("1.0", "cp313-cp313-ios_13_0_arm64_iphoneos", []),
        ("1.0", "py3-none-linux_aarch64", ["linux-tags"]),
        ("1.0", "py3-none-manylinux2014_x86_64.linux_x86_64", ["linux-tags"]),
        ("1.0", "py3-none-freebsd_14_0_release_amd64", ["other-tags"]),
        ("1.0+acme.1", "py3-none-any", ["local-versions"]),
    ],
)
def test_what_a_filename_makes_peculiar_is_found(version: str, tag: str, words: list[str], tmp_path: Path) -> None:
    assert list(look(tmp_path, *wheel("demo", version, tag=tag)).peculiar) == words


def test_a_build_number_is_that_of_the_filename_where_the_wheel_says_one(tmp_path: Path) -> None:
    def built(said: bytes, build: str) -> tuple[str, bytes]:
        filename, files = archives.wheel_files(build=build)
        where = "demo-1.0.dist-info/"
        files[f"{where}WHEEL"] += b"Build: %b\n" % said
        files[f"{where}RECORD"] = archives.record(
            {name: data for name, data in files.items() if not name.endswith("RECORD")}, f"{where}RECORD"
        )
        return filename, zip_bytes(archives.parts(files))

    assert look(tmp_path, *built(b"1", "1")).name == "demo"
    assert "its Build field says '2'" in refusal(tmp_path, *built(b"2", "1"))
