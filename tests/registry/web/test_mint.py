"""Trusted publishing over HTTP: from an identity token to a file whose record says which pipeline made it."""

import datetime as dt
import json
import subprocess

import pytest
from freezegun import freeze_time

from registry.cli import data
from registry.index import Index, file_path
from registry.names import distribution
from registry.store import LEDGER
from tests.archives import wheel
from tests.claim_sets import GITHUB
from tests.issuer import issuing
from tests.registry.web.pipelines import PROJECT, Ci, accepting, bearing, facts
from tests.registry.web.site import PYTHON, Site, json_of

PAYMENTS = wheel("payments-api", "1.4.0")
PATH = PROJECT.removesuffix(".yaml")


def test_a_pipeline_publishes_without_a_stored_secret_and_the_commit_says_which(ci: Ci) -> None:
    answer = ci.site.publish(PAYMENTS, person=None, headers=bearing(ci.secret()))
    assert answer.status_code == 200, answer.text
    said = facts(ci.site)
    policy = said.pop("Policy")
    assert len(policy) == 40
    assert said.pop("Digest").startswith("sha256:")
    assert said == {
        "Waybill-Event": "publish",
        "Registry": "python",
        "Project": "payments-api",
        "Version": "1.4.0",
        "File": PAYMENTS[0],
        "Trust": "oidc",
        "Publisher": "github/acme/payments",
        "Issuer": ci.issuer.url,
        "Repository": f"{ci.issuer.url}/acme/payments",
        "Repository-Id": "github:123456",
        "Commit": "a" * 40,
        "Ref": "refs/tags/v1.4.0",
        "Pipeline": f"{ci.issuer.url}/acme/payments/actions/runs/77/attempts/1",
        "Workflow": "acme/payments/.github/workflows/release.yml@refs/tags/v1.4.0",
        "Environment": "pypi",
        "Actor": "github:ann",
        "Allowed-By": f"{PROJECT}#publishers/0",
    }
    commit = next(iter(ci.site.installation.store.history(ci.site.installation.store.head(LEDGER))))
    assert (commit.author.name, commit.author.email) == ("github/acme/payments", "publisher@acme.invalid")


def test_the_record_keeps_what_was_verified_apart_from_what_was_said(ci: Ci) -> None:
    answer = ci.mint(ci.token(), declared={"job": "build 7", "commit": "a" * 40})
    ci.site.publish(PAYMENTS, person=None, headers=bearing(answer.get_json()["token"]))
    index = Index(ci.site.installation.store.head(LEDGER))
    record = json.loads(index.snapshot.read(f"{file_path(PYTHON, distribution(PAYMENTS[0]))}.json") or b"")
    predicate = record["provenance"]["predicate"]
    assert (predicate["trust"], predicate["principal"]) == ("oidc", "github/acme/payments")
    assert predicate["verified"]["commit"] == "a" * 40
    assert predicate["declared"] == {"job": "build 7"}  # the commit is proven already
    assert facts(ci.site)["Declared-Job"] == "build 7"
    file = index.file(PYTHON, distribution(PAYMENTS[0]))
    assert file is not None
    assert file.origin.verified["Repository-Id"] == "github:123456"


def test_the_json_index_shows_where_a_file_comes_from(ci: Ci) -> None:
    ci.site.publish(PAYMENTS, person=None, headers=bearing(ci.secret()))
    page = json_of(ci.site.ask("/python/simple/payments-api/?format=application/vnd.pypi.simple.v1%2Bjson"))
    shown = page["files"][0]["_waybill-provenance"]
    assert (shown["trust"], shown["principal"]) == ("oidc", "github/acme/payments")
    assert shown["verified"]["pipeline"].endswith("/actions/runs/77/attempts/1")


def test_the_log_finds_what_a_pipeline_and_what_a_repository_published(ci: Ci) -> None:
    ci.site.publish(PAYMENTS, person=None, headers=bearing(ci.secret()))
    ci.site.publish(wheel("other", "1.0"))
    pipeline = facts_of_log(ci, pipeline=f"{ci.issuer.url}/acme/payments/actions/runs/77/attempts/1")
    repository = facts_of_log(ci, repository="acme/payments")
    assert [event["File"] for event in pipeline] == [event["File"] for event in repository] == [PAYMENTS[0]]
    run = f"{ci.issuer.url}/acme/payments/actions/runs/77"
    assert facts_of_log(ci, pipeline=f"{run}/attempts/1/") == facts_of_log(ci, pipeline=f"{run}/") == pipeline
    assert facts_of_log(ci, pipeline=f"{run}/attempts/2") == facts_of_log(ci, pipeline=run[:-1]) == []
    assert facts_of_log(ci, repository="cme/payments") == []


def facts_of_log(ci: Ci, **query: str) -> list[dict[str, str]]:
    return [event["facts"] for event in json_of(ci.site.ask("/-/api/v1/log", query=query))["events"]]


def test_no_token_and_no_address_of_a_person_is_kept_anywhere(ci: Ci) -> None:
    token = ci.token(email="ann@acme.example", user_email="ann@acme.example", email_verified=True)
    secret = ci.mint(token).get_json()["token"]
    ci.site.publish(PAYMENTS, person=None, headers=bearing(secret))
    kept = [path.read_bytes() for path in ci.site.folder.rglob("*") if path.is_file()]
    objects = ["git", "-C", str(data.git_folder(ci.site.folder)), "cat-file", "--batch-all-objects", "--batch"]
    kept.append(subprocess.run(objects, capture_output=True, check=True).stdout)
    assert b'"pipeline": "https://' in kept[-1]
    commits = ci.site.installation.store.history(ci.site.installation.store.head(LEDGER))
    kept += [commit.message.encode() for commit in commits] + [line.encode() for line in ci.site.lines]
    everything = b"\n".join(kept)
    assert b"ann@acme.example" not in everything
    assert token.encode() not in everything
    assert secret.encode() not in everything
    assert token.split(".")[1].encode() not in everything


def test_the_answer_has_the_form_that_clients_expect(ci: Ci) -> None:
    with freeze_time("2026-06-01 12:00:00.5"):
        now = int(dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC).timestamp())
        answer = ci.mint(ci.token(iat=now, nbf=now, exp=now + 300))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.get_json()) == {"success", "token", "expires"}
    assert answer.get_json()["expires"] == now + 900
    assert answer.get_json()["token"].startswith("wb_")


def test_older_actions_ask_at_the_old_address(ci: Ci) -> None:
    answer = ci.site.app.test_client().post("/_/oidc/github/mint-token", json={"token": ci.token()})
    assert answer.status_code == 200


def test_the_audience_is_the_policys_or_the_host_of_its_url(site: Site) -> None:
    def audience() -> tuple[int, dict[str, str]]:
        answer = site.app.test_client().get("/_/oidc/audience")
        return answer.status_code, answer.get_json()

    assert audience()[0] == 403
    site.policy(waybill="organization: acme\nissuers: {github: true}\n")
    assert audience() == (403, {"message": "waybill.yaml has no audience; an admin writes one that nobody else uses"})
    site.policy(waybill="organization: acme\nissuers: {github: true}\nurl: https://packages.acme.example:8443/x\n")
    assert audience() == (200, {"audience": "packages.acme.example:8443"})
    site.policy(waybill="organization: acme\nissuers: {github: true}\naudience: ours\nurl: https://x.example\n")
    assert audience() == (200, {"audience": "ours"})
    site.policy(waybill="s3cret: 7\n")
    assert audience() == (403, {"message": "waybill.yaml cannot be read; whoever is signed in sees why in /-/health"})


def test_where_nothing_is_accepted_no_token_is_looked_at(site: Site) -> None:
    answer = site.app.test_client().post("/_/oidc/mint-token", json={"token": "x"})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["code"] == "not-enabled"


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'"x"', b"{}", b'{"token": 7}', b'{"token": "x", "declared": []}',
                                  b'{"token": null}', b"[" * 60_000])  # fmt: skip
def test_a_body_that_is_no_exchange_is_refused_in_words(ci: Ci, body: bytes) -> None:
    answer = ci.site.app.test_client().post("/_/oidc/mint-token", data=body)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["code"] == "invalid-payload"


@pytest.mark.parametrize("path", ["/_/oidc/mint-token", "/_/oidc/burn-token"])
def test_a_body_that_is_too_large_is_refused_in_the_same_form(ci: Ci, path: str) -> None:
    answer = ci.site.app.test_client().post(path, data=b"x" * 70_000)
    assert answer.status_code == 413
    [error] = answer.get_json()["errors"]
    assert error["code"] == "invalid-payload"
    assert "at most 64 KiB" in error["description"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"commit": "b" * 40}, "its token proves"),
        ({"colour": "red"}, "'colour' means nothing here"),
        ({"job": "a\nTrust: operator"}, "send one line"),
        ({"job": ""}, "send one line"),
        ({"job": 7}, "send one line"),
        ({"job": "x" * 301}, "send one line"),
        ({"job": " x"}, "no spaces"),
        ({"job": "ann@acme.example"}, "no e-mail addresses"),
    ],
)
def test_what_is_declared_is_bounded_and_never_contradicts_the_claims(ci: Ci, said: object, why: str) -> None:
    code, text = ci.refusal(ci.token(), declared=said)
    assert code == "invalid-payload"
    assert why in text


def test_a_refusal_names_claim_and_line_and_the_statement_to_paste(ci: Ci) -> None:
    code, text = ci.refusal(ci.token(environment="staging", repository_owner_id="43"))
    assert code == "invalid-publisher"
    assert f"{PROJECT}:3: the token says repository_owner_id '43'; owner_id: 42" in text
    assert f"{PROJECT}:3: the token says environment 'staging'; environment: pypi" in text
    block = text[text.index("publishers:") :]
    ci.site.policy(**{PATH: f"protected: true\n{block}\n"})
    assert ci.mint(ci.token(environment="staging", repository_owner_id="43")).status_code == 200
    assert ci.refusal(ci.token())[0] == "invalid-publisher"


def test_strangers_learn_nothing_of_the_policy(ci: Ci) -> None:
    theirs = "eve/payments/.github/workflows/release.yml@refs/heads/main"
    _, text = ci.refusal(
        ci.token(repository="eve/payments", repository_id="9", repository_owner_id="8", workflow_ref=theirs)
    )
    assert "payments-api" not in text
    assert "123456" not in text
    assert 'repository_id: "9"' in text


def test_the_same_numbers_at_another_issuer_are_no_kin(ci: Ci) -> None:
    with issuing() as other:
        ci.site.policy(waybill=accepting(ci.issuer.url, f", {other.url}"))
        code, text = ci.refusal(other.token(GITHUB))
    assert code == "invalid-publisher"
    assert "payments-api" not in text
    assert ci.issuer.url not in text


def test_an_api_token_does_not_publish_a_protected_project(ci: Ci) -> None:
    refused = ci.site.publish(PAYMENTS)
    assert refused.status_code == 403
    assert f"{PROJECT}:1 says protected: true" in refused.text


def test_the_request_log_names_the_pipeline(ci: Ci) -> None:
    secret = ci.secret()
    line = json.loads(ci.site.lines[-1])
    assert (line["principal"], line["token"]) == ("github/acme/payments", secret.split("_")[1])


def test_a_person_may_declare_where_a_file_comes_from_and_nobody_takes_it_for_proven(ci: Ci) -> None:
    headers = {"X-Waybill-Declared-Commit": "c" * 40, "x-waybill-declared-pipeline": "https://ci.example/7"}
    assert ci.site.publish(wheel("tool", "1.0"), headers=headers).status_code == 200
    said = facts(ci.site)
    assert (said["Declared-Commit"], said["Declared-Pipeline"]) == ("c" * 40, "https://ci.example/7")
    assert "Commit" not in said
    assert facts_of_log(ci, pipeline="https://ci.example/7") == []
    bad = ci.site.publish(wheel("tool", "2.0"), headers={"X-Waybill-Declared-Colour": "red"})
    assert bad.status_code == 400


def test_clients_can_discover_where_to_exchange(ci: Ci) -> None:
    client = ci.site.app.test_client()
    found = client.get("/.well-known/pytp?discover=%2Fpython%2Flegacy%2F", base_url="https://packages.acme.example")
    assert found.status_code == 200
    assert found.content_type == "application/vnd.pypi.pytp.v1+json"
    assert found.get_json() == {
        "audience-endpoint": "https://packages.acme.example/_/oidc/audience",
        "token-mint-endpoint": "https://packages.acme.example/_/oidc/mint-token",
    }
    assert client.get("/.well-known/pytp?discover=%2Fnowhere%2F").status_code == 404
    assert client.get("/.well-known/pytp").status_code == 404
    assert client.get("/.well-known/pytp?discover=http%3A%2F%2F[").status_code == 400
    html = client.get("/.well-known/pytp?discover=%2Fpython%2F", headers={"Accept": "text/html"})
    assert (html.status_code, html.content_type) == (406, "application/problem+json")
    ci.site.policy(waybill="organization: acme\n")
    assert client.get("/.well-known/pytp?discover=%2Fpython%2F").status_code == 404
