"""Attestations that come with an upload (PEP 740): verified without a network, kept as they came, served like that."""

import base64
import hashlib
import json
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest
from pypi_attestations import Provenance
from werkzeug.test import TestResponse

from registry.index import Index, file_path
from registry.model import Status
from registry.names import RegistryName, distribution
from registry.promotion import Route, promote
from registry.records import read_message
from registry.removal import Whole, restore
from registry.store import LEDGER
from tests.archives import sdist, wheel
from tests.issuer import AUDIENCE, Issuer, public, rsa_key
from tests.registry.web.pipelines import PROJECT, Ci, bearing, trusting
from tests.registry.web.site import PYTHON, Site, json_of
from tests.transparency import GITHUB, PIPELINE, REPOSITORY, SLSA, transparency

NAME, CONTENT = PAYMENTS = wheel("payments-api", "1.4.0")
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PLACE = f"/python/integrity/payments-api/1.4.0/{NAME}/provenance"
PEP_740 = "application/vnd.pypi.integrity.v1+json"
PUBLISHER = {"kind": "GitHub", "repository": "acme/payments", "workflow": "release.yml", "environment": "pypi"}
ORGANIZATION = f"""\
organization: acme
url: https://packages.acme.example
audience: {AUDIENCE}
admins: [alice]
issuers: {{github: true}}
"""


@pytest.fixture
def ci(site: Site, monkeypatch: pytest.MonkeyPatch) -> Ci:
    """GitHub itself, whose keys the site has asked for before; no connection can be made any more."""
    project = trusting(GITHUB).replace(f"    issuer: {GITHUB}\n", "")
    site.policy(waybill=ORGANIZATION, **{PROJECT.removesuffix(".yaml"): project})
    site.installation.state.keep_keys(GITHUB, json.dumps({"keys": [public(rsa_key(0), "first")]}), time.time())
    transparency().trusted(site.folder)
    monkeypatch.setattr(socket.socket, "connect", _refuse)
    return Ci(site, Issuer(url=GITHUB))


def _refuse(*_: object) -> None:
    raise AssertionError("something wanted to connect")


def upload(
    ci: Ci, *attestations: object, text: str | None = None, archive: tuple[str, bytes] = PAYMENTS
) -> TestResponse:
    """Publish by the pipeline, with attestations."""
    said = {"attestations": json.dumps(attestations) if text is None else text}
    return ci.site.publish(archive, person=None, headers=bearing(ci.secret()), said=said)


def attest(**changes: Any) -> dict[str, Any]:
    return transparency().attest(NAME, CONTENT, **changes)


def read(site: Site, suffix: str) -> bytes:
    index = Index(site.installation.store.head(LEDGER))
    return index.snapshot.read(f"{file_path(PYTHON, distribution(NAME))}.{suffix}") or b""


def listed(site: Site, project: str = "payments-api") -> dict[str, Any]:
    page = json_of(site.ask(f"/python/simple/{project}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}))
    return {file["filename"]: file for file in page["files"]}


def test_what_a_pipeline_signed_is_verified_without_a_network_and_kept_as_it_came(ci: Ci) -> None:
    text = json.dumps([attest(), attest(type_=SLSA, predicate={"buildDefinition": {}})], indent=3)
    answer = upload(ci, text=text)
    assert answer.status_code == 200, answer.text
    assert read(ci.site, "attestations.json") == text.encode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    record = json.loads(read(ci.site, "json"))
    assert record["attestations"] == {"sha256": digest, "publishers": [PUBLISHER, PUBLISHER]}
    commit = next(iter(ci.site.installation.store.history(ci.site.installation.store.head(LEDGER))))
    assert read_message(commit.message)[1]["Attestations"] == f"sha256:{digest}"


def test_they_are_served_as_pep_740_says(ci: Ci) -> None:
    attestations = [attest(), attest(type_=SLSA)]
    assert upload(ci, *attestations).status_code == 200
    for accept, content_type in (("", PEP_740), ("application/json", "application/json"), ("*/*", PEP_740)):
        answer = ci.site.ask(PLACE, headers={"Accept": accept} if accept else {})
        assert answer.content_type == content_type
        bundle = {"publisher": PUBLISHER, "attestations": attestations}
        assert json_of(answer) == {"version": 1, "attestation_bundles": [bundle]}
        assert len(Provenance.model_validate_json(answer.data).attestation_bundles[0].attestations) == 2
    assert ci.site.ask(PLACE, headers={"Accept": "text/html"}).status_code == 406
    assert ci.site.ask(PLACE, None).status_code == 401


def test_the_index_names_where_they_are_for_files_that_have_them(ci: Ci) -> None:
    upload(ci, attest())
    ci.site.publish(sdist("payments-api", "1.4.0"), person=None, headers=bearing(ci.secret()))
    address = f"https://packages.acme.example{PLACE}"
    assert {name: file.get("provenance") for name, file in listed(ci.site).items()} == {
        NAME: address,
        "payments_api-1.4.0.tar.gz": None,
    }
    assert ci.site.ask("/python/simple/payments-api/").text.count(f'data-provenance="{address}"') == 1
    ci.site.policy(waybill=ORGANIZATION.replace("packages.acme", "elsewhere.acme"))
    assert listed(ci.site)[NAME]["provenance"].startswith("https://elsewhere.acme.example/")
    ci.site.policy(waybill=ORGANIZATION.replace("url:", "# url:"))  # PEP 740 wants an absolute URL, and there is none
    assert "provenance" not in listed(ci.site)[NAME]
    assert ci.site.ask(PLACE).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "payments-api/1.4.0/payments_api-1.4.0.tar.gz",  # came without
        f"payments-api/1.4.1/{NAME}",
        f"other/1.4.0/{NAME}",
        "payments-api/1.4.0/payments_api-1.4.0-py2-none-any.whl",
        "payments-api/1.4.0/readme.txt",
    ],
)
def test_a_file_without_any_is_404_in_words(ci: Ci, path: str) -> None:
    upload(ci, attest())
    ci.site.publish(sdist("payments-api", "1.4.0"), person=None, headers=bearing(ci.secret()))
    answer = ci.site.ask(f"/python/integrity/{path}/provenance")
    assert answer.status_code == 404
    assert answer.text


def test_what_was_deleted_has_none_until_it_is_restored(ci: Ci) -> None:
    upload(ci, attest())
    before = ci.site.ask(PLACE).data
    ci.site.delete(NAME)
    assert ci.site.ask(PLACE).status_code == 404
    dist = distribution(NAME)
    restore(ci.site.installation, None, Whole(PYTHON, dist.project, dist.version, NAME))
    assert ci.site.ask(PLACE).data == before


def test_what_is_quarantined_shows_none(ci: Ci) -> None:
    upload(ci, attest())
    ci.site.set_status("payments-api", Status.QUARANTINED, "malware")
    assert ci.site.ask(PLACE).status_code == 403


def test_a_promoted_file_keeps_its_attestations(ci: Ci) -> None:
    upload(ci, attest())
    ci.site.policy(registries__prod__registry="projects: open\n")
    dist = distribution(NAME)
    promote(ci.site.installation, None, Route(PYTHON, RegistryName("prod"), dist.project, dist.version))
    assert ci.site.ask(PLACE.replace("/python/", "/prod/")).data == ci.site.ask(PLACE).data


def test_damage_of_what_is_kept_is_told_and_never_served(ci: Ci) -> None:
    upload(ci, attest())
    ci.site.ledger({f"{file_path(PYTHON, distribution(NAME))}.attestations.json": b"[{}]"})
    answer = ci.site.ask(PLACE)
    assert answer.status_code == 503
    assert "were damaged" in answer.text


def spoiled(*path: str | int, value: object) -> dict[str, Any]:
    """Give a good attestation with one value replaced."""
    good = attest()
    found: Any = good
    for step in path[:-1]:
        found = found[step]
    found[path[-1]] = value
    return good


def flipped(*path: str | int) -> dict[str, Any]:
    """Give a good attestation with one bit of a value flipped."""
    good = attest()
    found: Any = good
    for step in path[:-1]:
        found = found[step]
    data = bytearray(base64.b64decode(found[path[-1]]))
    data[-1] ^= 1
    found[path[-1]] = base64.b64encode(data).decode()
    return good


ENTRY = ("verification_material", "transparency_entries", 0)
SUBJECT = {"name": NAME, "digest": {"sha256": DIGEST}}
MADE: Mapping[str, tuple[Any, str]] = {
    "another file": (lambda: transparency().attest("other-1.0.tar.gz", CONTENT), "is about 'other-1.0.tar.gz'"),
    "another version": (
        lambda: transparency().attest(NAME.replace("1.4.0", "1.4.1"), CONTENT),
        "not about 'payments_api-1.4.0",
    ),
    "no filename": (lambda: transparency().attest("../x", CONTENT), "does not verify"),
    "other content": (lambda: transparency().attest(NAME, b"other"), f"this one has sha256 {DIGEST}"),
    "two subjects": (lambda: attest(subject=[SUBJECT, SUBJECT]), "about one file"),
    "no subject": (lambda: attest(subject=[]), "about one file"),
    "no digest": (lambda: attest(subject=[{"name": NAME, "digest": {}}]), "does not verify"),
    "another statement": (lambda: attest(_type="https://in-toto.io/Statement/v0.1"), "version 1"),
    "another type": (lambda: attest(type_="https://acme.example/v1"), "none that PEP 740"),
    "a list as type": (lambda: attest(type_=["x"]), "does not verify"),
    "no statement": (lambda: transparency().sign(b"[]"), "does not verify"),
    "no JSON": (lambda: transparency().sign(b"\xff"), "does not verify"),
    "a key twice": (lambda: transparency().sign(b'{"subject":[],"subject":[]}'), "does not verify"),
    "another authority": (lambda: transparency(1).attest(NAME, CONTENT), "does not verify"),
    "another version of the format": (lambda: spoiled("version", value=2), "does not verify"),
    "no certificate": (lambda: spoiled("verification_material", "certificate", value=""), "does not verify"),
    "half a certificate": (lambda: spoiled("verification_material", "certificate", value="MIIB"), "does not verify"),
    "no log entry": (lambda: spoiled("verification_material", "transparency_entries", value=[]), "does not verify"),
    "an empty log entry": (lambda: spoiled(*ENTRY, value={}), "does not verify"),
    "a log entry of another kind": (lambda: spoiled(*ENTRY, "kindVersion", "kind", value="intoto"), "does not verify"),
    "no promise": (lambda: spoiled(*ENTRY, "inclusionPromise", value=None), "does not verify"),
    "no proof": (lambda: spoiled(*ENTRY, "inclusionProof", value=None), "does not verify"),
    "another moment": (lambda: spoiled(*ENTRY, "integratedTime", value="1700000000"), "does not verify"),
    "text as moment": (lambda: spoiled(*ENTRY, "integratedTime", value="now"), "does not verify"),
    "a spoiled signature": (lambda: flipped("envelope", "signature"), "does not verify"),
    "a spoiled statement": (lambda: flipped("envelope", "statement"), "does not verify"),
    "a spoiled certificate": (lambda: flipped("verification_material", "certificate"), "does not verify"),
    "a spoiled promise": (lambda: flipped(*ENTRY, "inclusionPromise", "signedEntryTimestamp"), "does not verify"),
    "a spoiled root": (lambda: flipped(*ENTRY, "inclusionProof", "rootHash"), "does not verify"),
    "nothing": (dict, "does not verify"),
}


@pytest.mark.parametrize("what", MADE)
def test_one_that_does_not_verify_refuses_the_whole_upload(ci: Ci, what: str) -> None:
    make, why = MADE[what]
    before = ci.site.head()
    answer = upload(ci, attest(type_=SLSA), make())
    assert answer.status_code == 400
    assert answer.text.startswith("attestations/1: ") or answer.text.startswith('{"code"'), answer.text
    assert why in answer.text
    assert ci.site.head() == before
    assert list(ci.site.drafts()) == []


PIPELINES: Mapping[str, tuple[Mapping[int, str | bytes | None], str]] = {
    "of another git repository": (
        {12: "https://github.com/mallory/payments", 18: PIPELINE[18].replace("acme", "mallory")},
        "made by git repository 'https://github.com/mallory/payments', but 'https://github.com/acme/payments' uploads",
    ),
    "of a git repository that took the name": ({15: "654321"}, "with the id '654321', but '123456' uploads"),
    "without the id": ({15: None}, "with the id '', but '123456' uploads"),
    "of another workflow": (
        {18: PIPELINE[18].replace("release.yml", "ci.yml")},
        f"made by pipeline '{REPOSITORY}/.github/workflows/ci.yml', but '{REPOSITORY}/.github/workflows/release.yml'",
    ),
    "of another CI system": (
        {8: "https://gitlab.com", 18: "https://gitlab.com/acme/payments//.gitlab-ci.yml@refs/heads/main"},
        f"made by a job of 'https://gitlab.com', but '{GITHUB}' uploads",
    ),
    "of a person": ({8: "https://accounts.google.com"}, "its certificate is by 'https://accounts.google.com'"),
    "of nobody": ({8: None}, "its certificate is by 'nobody'"),
    "without a file": ({18: None}, "its certificate names no pipeline"),
    "of no text": ({18: b"\x02\x01\x05"}, "an extension that is no text"),
    "of half a text": ({18: b"\x0c\x7fhttps"}, "an extension that is no text"),
    "of an empty value": ({18: b""}, "an extension that is no text"),
    "of two lines": ({18: PIPELINE[18] + "\nx"}, "control characters"),
}


@pytest.mark.parametrize("what", PIPELINES)
def test_whoever_uploads_must_be_who_signed(ci: Ci, what: str) -> None:
    changes, why = PIPELINES[what]
    pipeline = {n: value for n, value in {**PIPELINE, **changes}.items() if value is not None}
    answer = upload(ci, attest(pipeline=pipeline))
    assert answer.status_code == 400
    assert why in answer.text
    assert listed(ci.site) == {}


def test_a_person_uploads_what_any_known_pipeline_signed(ci: Ci) -> None:
    name, content = wheel("tool", "1.0")
    gitlab = {8: "https://gitlab.com", 18: "https://gitlab.com/acme/sub/tool//.gitlab-ci.yml@refs/heads/main"}
    uuid = "0a1b2c3d-0000-4000-8000-000000000000"
    signer = f"https://circleci.com/api/v2/projects/{uuid}/pipeline-definitions/{uuid}"
    circleci = {8: "https://oidc.circleci.com", 9: signer, 12: "github.com/acme/tool", 14: "refs/heads/main"}
    sent = [
        transparency().attest(name, content, pipeline=gitlab),
        transparency().attest(name, content, pipeline=circleci, type_=SLSA),
    ]
    answer = ci.site.publish((name, content), said={"attestations": json.dumps(sent)})
    assert answer.status_code == 200, answer.text
    bundles = json_of(ci.site.ask(f"/python/integrity/tool/1.0/{name}/provenance"))["attestation_bundles"]
    assert [bundle["publisher"] for bundle in bundles] == [
        {
            "kind": "GitLab",
            "repository": "acme/sub/tool",
            "workflow_filepath": ".gitlab-ci.yml",
            "environment": None,
        },
        {
            "kind": "CircleCI",
            "project_id": uuid,
            "pipeline_definition_id": uuid,
            "vcs_origin": "github.com/acme/tool",
            "vcs_ref": "refs/heads/main",
        },
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "send a JSON list"),
        ("{}", "send a JSON list"),
        ("[1]", "send a JSON list"),
        ("[" * 100_000, "send a JSON list"),
        ('[{"version":1,"version":1}]', "send a JSON list"),
        (f"[{' ' * 600_000}]", "at most 512 KiB"),
        ("[{},{},{}]", "at most 2 are accepted"),
        ('[{"version":NaN}]', "send a JSON list"),
    ],
)
def test_a_field_that_holds_none_is_refused_in_words(ci: Ci, text: str, why: str) -> None:
    answer = upload(ci, text=text)
    assert answer.status_code == 400
    assert f"attestations: {why}" in answer.text


@pytest.mark.parametrize("part", ["", "verification_material", "envelope"])
def test_what_nobody_signed_is_not_served_with_what_was_signed(ci: Ci, part: str) -> None:
    one = attest()
    (one[part] if part else one)["publisher"] = {"kind": "GitHub", "repository": "evil/payments"}
    answer = upload(ci, one)
    assert (answer.status_code, answer.text) == (400, "attestations/0: it has 'publisher', which nobody signed\n")
    assert listed(ci.site) == {}


def test_a_second_transparency_entry_is_refused_as_nobody_looks_at_it(ci: Ci) -> None:
    one = attest()
    one["verification_material"]["transparency_entries"] *= 2
    assert "more than one transparency entry" in upload(ci, one).text


def test_two_of_one_type_are_refused(ci: Ci) -> None:
    answer = upload(ci, attest(), attest())
    assert (answer.status_code, "send one of each type" in answer.text) == (400, True)


def test_a_repeated_upload_changes_nothing_and_what_came_without_gets_none_later(ci: Ci) -> None:
    first = json.dumps([attest()])
    upload(ci, text=first)
    before = ci.site.head()
    assert upload(ci, attest()).status_code == 200  # a retried job signs anew
    assert upload(ci, transparency(1).attest(NAME, CONTENT)).status_code == 400
    assert ci.site.publish(PAYMENTS, person=None, headers=bearing(ci.secret())).status_code == 200
    assert (ci.site.head(), read(ci.site, "attestations.json")) == (before, first.encode())
    archive = sdist("payments-api", "1.4.0")
    assert upload(ci, text="[]", archive=archive).status_code == 200
    answer = upload(ci, transparency().attest(*archive), archive=archive)
    assert answer.status_code == 400
    assert "File already exists: 'payments_api-1.4.0.tar.gz' came without attestations" in answer.text


def test_without_the_extra_they_are_refused_and_never_dropped(ci: Ci, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sigstore.models", "sigstore.verify", "pypi_attestations"):
        monkeypatch.setitem(sys.modules, module, None)
    answer = upload(ci, attest())
    assert answer.status_code == 400
    assert "its operator installs waybill[attestations]" in answer.text
    assert upload(ci, text="[]").status_code == 200  # as uv sends it, where there are none


def test_the_keys_are_those_of_the_extra_or_the_operators_as_soon_as_they_change(ci: Ci) -> None:
    keys = ci.site.folder / "trusted_root.json"
    keys.unlink()
    answer = upload(ci, attest())  # signed by an authority that the public Sigstore's keys do not know
    assert answer.status_code == 400
    assert "attestations/0: it does not verify" in answer.text
    keys.write_bytes(b"{}")
    answer = upload(ci, attest())
    assert answer.status_code == 503
    assert "the keys of trusted_root.json in the data folder cannot be read" in answer.text
    keys.write_bytes(transparency(1).root())
    assert upload(ci, transparency(1).attest(NAME, CONTENT)).status_code == 200
