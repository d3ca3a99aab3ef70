"""The ledger's text: canonical, read back unchanged, and impossible to forge through a value."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import names, records, token_records
from registry.errors import Invalid, Unavailable
from registry.model import Attested, Decision, Deletion, File, Origin, Sha256, Status, Token, Yank

AT = datetime(2027, 1, 31, 12, 0, 0, 5, tzinfo=UTC)
FILE = File(
    dist=names.distribution("demo-1.0-py3-none-any.whl"),
    sha256=Sha256("a" * 64),
    size=12,
    uploaded=AT,
    requires_python=">=3.11",
    metadata_sha256=Sha256("b" * 64),
    origin=Origin("token", "alice", "abcdefghij"),
    decision=Decision("c" * 40, "waybill.yaml#admins/0"),
)
TOKEN = Token(
    "abcdefghij", "bob", "d" * 64, "publish", ("python",), ("pay-*",), AT, "alice", AT + timedelta(days=1), "ci"
)


@pytest.mark.parametrize("text", ["", "Z", "2027-01-31", "2027-01-31T12:00:00", "2027-01-31T12:00:00+00:00", "now"])
def test_a_record_whose_moment_is_none_in_utc_is_damaged(text: str) -> None:
    record = records.file_record(FILE, "python").replace(records.timestamp(AT).encode(), text.encode())
    with pytest.raises(Unavailable, match="cannot be read"):
        records.read_file_record(record)


@pytest.mark.parametrize(
    "file",
    [
        FILE,
        replace(FILE, requires_python=None, metadata_sha256=None),
        replace(FILE, deleted=Deletion("bob", "leaked", AT)),
        replace(FILE, attested=Attested(Sha256("d" * 64), ({"kind": "GitHub", "environment": None}, {"kind": "x"}))),
        replace(
            FILE,
            origin=Origin("oidc", "github/acme/x", None, {"Repository-Id": "github:1", "Commit": "a"}, {"Job": "7"}),
        ),
    ],
)
def test_a_file_record_is_read_back_as_it_was(file: File) -> None:
    assert records.read_file_record(records.file_record(file, "python")) == file


def test_a_record_of_before_there_was_provenance_is_read_and_written_again_as_it_was() -> None:
    text = records.file_record(FILE, "python")
    assert not {b"verified", b"declared", b"attestations"} & {word.strip(b'": {') for word in text.splitlines()}
    read = records.read_file_record(text)
    assert (read.origin.verified, read.origin.declared, read.attested) == ({}, {}, None)
    assert records.file_record(read, "python") == text


@pytest.mark.parametrize("damage", [{"sha256": "d" * 64}, {"publishers": []}, [], "x"])
def test_a_record_whose_attestations_are_none_is_damaged(damage: object) -> None:
    record = json.loads(records.file_record(FILE, "python"))
    with pytest.raises(Unavailable, match="cannot be read"):
        records.read_file_record(json.dumps({**record, "attestations": damage or ["x"]}).encode())


def test_a_file_record_is_an_in_toto_statement_about_the_file() -> None:
    statement = json.loads(records.file_record(FILE, "python"))["provenance"]
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": FILE.filename, "digest": {"sha256": FILE.sha256}}]
    assert "slsa" not in statement["predicateType"]
    assert statement["predicate"] == {
        "registry": "python",
        "trust": "token",
        "principal": "alice",
        "token": "abcdefghij",
    }


def test_records_are_canonical_so_that_equal_facts_are_equal_bytes() -> None:
    text = records.canonical({"b": 1, "a": "é"})
    assert text == '{\n  "a": "é",\n  "b": 1\n}\n'.encode()


@pytest.mark.parametrize("token", [TOKEN, replace(TOKEN, expires=None, revoked=AT, revoked_by="bob")])
def test_a_token_record_is_read_back_as_it_was(token: Token) -> None:
    assert token_records.read_token_record(token_records.token_record(token)) == token


def test_yank_and_project_records_are_read_back_as_they_were() -> None:
    yank = Yank("broken", "alice", AT)
    assert records.read_release_record(records.release_record(yank)) == yank
    assert records.read_release_record(records.release_record(None)) is None
    text = records.project_record(names.project_name("demo"), by="alice", at=AT, status=Status.ARCHIVED, reason="old")
    project = records.read_project_record(text)
    assert (project.name, project.status, project.status_reason) == ("demo", Status.ARCHIVED, "old")


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"null", b"\xff", b'{"filename": 3}', b"{" * 1000])
def test_a_damaged_record_is_said_to_be_damaged(text: bytes) -> None:
    for read in (records.read_file_record, token_records.read_token_record, records.read_project_record):
        with pytest.raises(Unavailable, match="of the ledger cannot be read"):
            read(text)


def test_times_are_utc_with_microseconds_and_z() -> None:
    local = AT.astimezone(timezone(timedelta(hours=2)))
    assert records.timestamp(local) == "2027-01-31T12:00:00.000005Z"
    assert records.moment(records.timestamp(AT)) == AT


def test_a_pointer_is_what_git_lfs_reads() -> None:
    assert records.pointer(Sha256("a" * 64), 12) == (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12\n"
    )


def test_a_message_is_read_back_as_its_facts() -> None:
    facts = [("Waybill-Event", "publish"), ("File", "demo-1.0.tar.gz"), ("Note", "a: b")]
    assert records.read_message(records.message("publish: demo", facts)) == ("publish: demo", dict(facts))


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "a\nAllowed-By: me",
        "a\r\nX: y",
        "a\n\nSigned-off-by: x",
        "a\0b",
        "a\x1b[2J",
        "a\u2028b",
        "a\u202eb",
        "trailing ",
    ],
)
def test_a_value_that_could_forge_a_trailer_is_refused_not_escaped(value: str) -> None:
    with pytest.raises(Invalid, match="cannot be written to the log"):
        records.message("publish: demo", [("File", value)])
    with pytest.raises(Invalid, match="cannot be written to the log"):
        records.message(value, [])


@given(st.lists(st.tuples(st.sampled_from(["Project", "File", "Ref"]), st.text(max_size=30)), max_size=4))
def test_no_value_ever_adds_a_trailer(facts: list[tuple[str, str]]) -> None:
    try:
        text = records.message("publish: demo", facts)
    except Invalid:
        return
    assert len(text.splitlines()) == 2 + len(facts)
