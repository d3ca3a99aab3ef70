"""What a CI system's API says of a run: asked only with a credential, recorded apart, and never in the way."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from registry.errors import Unavailable
from registry.records import read_message
from registry.resolving import Resolver
from registry.store import LEDGER
from tests.archives import wheel
from tests.claim_sets import BITBUCKET, ISSUERS, REPOSITORY, WORKSPACE
from tests.issuer import AUDIENCE, Issuer, issuing, public, rsa_key, trusted_file
from tests.registry.web.pipelines import Ci, bearing
from tests.registry.web.site import Site, json_of

PAYMENTS = wheel("payments-api", "1.4.0")
RUN = str(BITBUCKET["pipelineUuid"])
SAID: Mapping[str, Any] = {
    "uuid": RUN,
    "build_number": 77,
    "repository": {"uuid": REPOSITORY, "full_name": "acme/payments"},
    "creator": {"display_name": "Ann", "nickname": "ann@acme.example"},
    "target": {"ref_type": "tag", "ref_name": "v1.4.0", "commit": {"hash": "a" * 40}},
}
RESOLVED = {
    "Resolved-Repository": "https://bitbucket.org/acme/payments",
    "Resolved-Commit": "a" * 40,
    "Resolved-Ref": "refs/tags/v1.4.0",
    "Resolved-Pipeline": "https://bitbucket.org/acme/payments/pipelines/results/77",
}


class Api:
    """Bitbucket's API, as it answers and as it was asked."""

    def __init__(self, answer: bytes | None = json.dumps(SAID).encode()) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str | None]] = []

    def __call__(self, url: str, seconds: float, bearer: str | None) -> bytes:
        self.asked.append((url, bearer))
        assert seconds <= 2  # clients wait five for all of the exchange
        if self.answer is None:
            raise Unavailable("it is down")
        return self.answer


@pytest.fixture
def ci(site: Site) -> Ci:
    """Bitbucket, one pipeline of which the site trusts."""
    keys = json.dumps({BITBUCKET["iss"]: [public(rsa_key(0), "first")]})
    publisher = f'{{provider: bitbucket, workspace_uuid: "{WORKSPACE}", repository_uuid: "{REPOSITORY}"}}'
    site.policy(
        waybill=f"{ISSUERS}audience: {AUDIENCE}\nadmins: [alice]\nkeys: {keys}\n",
        **{"registries/python/projects/payments-api": f"protected: true\npublishers: [{publisher}]\n"},
    )
    return Ci(site, Issuer())


def secret(ci: Ci, declared: Mapping[str, str]) -> str:
    answer = ci.mint(token(ci, 1), declared=declared)
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["token"])


def token(ci: Ci, number: int) -> str:
    ari = f"ari:cloud:bitbucket::workspace/{WORKSPACE.strip('{}')}"
    changes: dict[str, object] = {"iss": BITBUCKET["iss"], "jti": None, "aud": [AUDIENCE, ari], "job": number}
    return ci.issuer.token(BITBUCKET, **{**changes, "branchName": None})


def facts(site: Site) -> dict[str, str]:
    store = site.installation.store
    return read_message(next(iter(store.history(store.head(LEDGER)))).message)[1]


def published(ci: Ci, **declared: str) -> dict[str, str]:
    """Publish, and give what the commit says beyond what is verified."""
    answer = ci.site.publish(PAYMENTS, person=None, headers=bearing(secret(ci, declared)))
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in facts(ci.site).items() if name.startswith(("Resolved-", "Declared-"))}


def test_what_the_api_says_stands_apart_everywhere(ci: Ci) -> None:
    api = Api()
    ci.site.installation.resolver = Resolver("of-the-operator", fetch=api)
    assert published(ci, job="build 7", commit="a" * 40) == {**RESOLVED, "Declared-Job": "build 7"}
    [(url, bearer)] = api.asked
    assert bearer == "of-the-operator"
    path = "/".join(part.replace("{", "%7B").replace("}", "%7D") for part in (WORKSPACE, REPOSITORY, "pipelines", RUN))
    assert url == f"https://api.bitbucket.org/2.0/repositories/{path}"
    assert "Commit" not in facts(ci.site)
    resolved = {name.removeprefix("Resolved-").lower(): value for name, value in RESOLVED.items()}
    page = json_of(ci.site.ask("/python/simple/payments-api/?format=application/vnd.pypi.simple.v1+json"))
    release = json_of(ci.site.ask("/-/api/v1/registries/python/projects/payments-api/releases/1.4.0"))
    for origin in (page["files"][0]["_waybill-provenance"], release["files"][0]["provenance"]):
        assert (origin["resolved"], origin["declared"]) == (resolved, {"job": "build 7"})
        assert "commit" not in origin["verified"]
    for declared, found in (("false", 0), ("true", 1)):
        events = ci.site.ask("/-/api/v1/log", query={"commit": "aaaaaaa", "declared": declared})
        assert len(json_of(events)["events"]) == found


def test_nobody_is_asked_without_a_credential(ci: Ci) -> None:
    api = Api()
    ci.site.installation.resolver = Resolver(fetch=api)
    assert published(ci) == {}
    assert api.asked == []


def test_nobody_is_asked_about_a_pipeline_that_is_not_trusted(ci: Ci) -> None:
    api = Api()
    ci.site.installation.resolver = Resolver("of-the-operator", fetch=api)
    ci.site.policy(**{"registries/python/projects/payments-api": "protected: true\n"})
    assert ci.refusal(token(ci, 1))[0] == "invalid-publisher"
    assert api.asked == []


@pytest.mark.parametrize(
    "answer",
    [None, b"", b"[]", b"{}", b"\xff", b"[" * 100_000, json.dumps({**SAID, "target": None}).encode(), b'{"uuid": 1}'],
)
def test_an_api_without_a_good_answer_keeps_nobody_from_publishing(ci: Ci, answer: bytes | None) -> None:
    ci.site.installation.resolver = Resolver("of-the-operator", fetch=Api(answer))
    assert published(ci, commit="b" * 40) == {"Declared-Commit": "b" * 40}


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ({"ref_type": "branch", "ref_name": "main", "commit": {"hash": "b" * 40}}, {"Commit", "Ref"}),
        ({"ref_type": "branch", "ref_name": "main\nCommit: x", "commit": {"hash": "b" * 40}}, {"Commit"}),
        ({"ref_type": "tag", "ref_name": "v1", "commit": {"hash": "b" * 40 + "\nActor: mallory"}}, {"Ref"}),
        ({"ref_type": "tag", "ref_name": "v1", "commit": None}, {"Ref"}),
        ({"ref_type": "other", "commit": {"hash": "HEAD"}}, set()),
    ],
)
def test_what_an_api_says_cannot_forge_a_trailer(ci: Ci, target: Mapping[str, Any], kept: set[str]) -> None:
    ci.site.installation.resolver = Resolver(
        "of-the-operator", fetch=Api(json.dumps({**SAID, "target": target}).encode())
    )
    found = {name.removeprefix("Resolved-") for name in published(ci)}
    assert found == {"Repository", "Pipeline", *kept}


def test_an_answer_about_another_run_is_refused(ci: Ci) -> None:
    for other in ({"uuid": WORKSPACE}, {"repository": {"uuid": RUN, "full_name": "mallory/payments"}}):
        ci.site.installation.resolver = Resolver("of-the-operator", fetch=Api(json.dumps({**SAID, **other}).encode()))
        code, text = ci.refusal(token(ci, 2))
        assert (code, "speaks of another run" in text) == ("invalid-token", True)


def test_whoever_declares_another_commit_than_the_api_knows_is_refused(ci: Ci) -> None:
    ci.site.installation.resolver = Resolver("of-the-operator", fetch=Api())
    code, text = ci.refusal(token(ci, 1), declared={"commit": "b" * 40})
    assert code == "invalid-payload"
    assert text == f"declared commit: the pipeline says '{'b' * 40}', its CI system's API answers '{'a' * 40}'"


def test_the_api_is_asked_by_https_with_the_operators_credential(
    ci: Ci, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted_file(tmp_path)))
    with issuing() as api:
        path = "/".join(f"%7B{uuid.strip('{}')}%7D" for uuid in (WORKSPACE, REPOSITORY))
        run = f"/2.0/repositories/{path}/pipelines/%7B{RUN.strip('{}')}%7D"
        api.answers[run] = 200, {}, json.dumps(SAID).encode()
        ci.site.installation.resolver = Resolver("of-the-operator", api=api.url)
        assert published(ci) == RESOLVED
        assert api.asked == [run]
    kept = b"\n".join(path.read_bytes() for path in ci.site.folder.rglob("*") if path.is_file())
    assert b"of-the-operator" not in kept
