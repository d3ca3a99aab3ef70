"""What an upload token is good for: its own projects, as long as the policy trusts its pipeline, and nothing else."""

import datetime as dt
import io
from collections.abc import Callable

import pytest
from freezegun import freeze_time

from tests.archives import wheel
from tests.registry.web.pipelines import PROJECT, Ci, accepting, bearing, facts, trusting
from tests.registry.web.site import multipart

PAYMENTS = wheel("payments-api", "1.4.0")
PATH = PROJECT.removesuffix(".yaml")


def test_the_upload_token_publishes_and_reads_its_own_projects_only(ci: Ci) -> None:
    ci.site.publish(wheel("secret", "1.0"))
    bearer = bearing(ci.secret())
    assert ci.site.publish(PAYMENTS, person=None, headers=bearer).status_code == 200
    assert ci.site.ask("/python/simple/payments-api/", None, headers=bearer).status_code == 200
    assert ci.site.ask("/python/simple/secret/", None, headers=bearer).status_code == 403
    assert "secret" not in ci.site.ask("/python/simple/", None, headers=bearer).text
    refused = ci.site.publish(wheel("secret", "2.0"), person=None, headers=bearer)
    assert refused.status_code == 403
    assert "github/acme/payments may not publish secret" in refused.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/-/api/v1/log"),
        ("GET", "/-/api/v1/log/policy"),
        ("GET", "/-/api/v1/tokens"),
        ("POST", "/-/api/v1/tokens"),
        ("DELETE", "/-/api/v1/tokens/abcdefghij"),
        ("GET", "/-/api/v1/changes"),
        ("GET", "/-/api/v1/changes/x"),
        ("POST", "/-/api/v1/changes/x/merge"),
        ("PUT", "/-/api/v1/registries/python/projects/payments-api/releases/1.4.0/yank"),
        ("DELETE", "/-/api/v1/registries/python/projects/payments-api/releases/1.4.0/yank"),
        ("GET", "/-/git/acme.git/info/refs?service=git-upload-pack"),
        ("GET", "/-/git/acme.git/info/refs?service=git-receive-pack"),
        ("POST", "/-/git/acme.git/git-receive-pack"),
    ],
)
def test_the_upload_token_opens_no_other_door(ci: Ci, method: str, path: str) -> None:
    bearer = bearing(ci.secret())
    ci.site.publish(PAYMENTS, person=None, headers=bearer)
    before = ci.site.head()
    answer = ci.site.ask(path, None, method=method, headers=bearer, data=b'{"reason": "x"}')
    assert answer.status_code == 403, answer.text
    assert ci.site.head() == before


def test_nobody_signs_in_with_an_upload_token(ci: Ci) -> None:
    answer = ci.site.ask(
        "/-/login", None, method="POST", data=f"token={ci.secret()}".encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://localhost"},
    )  # fmt: skip
    assert answer.status_code == 403, answer.text
    assert "not known here" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_it_yanks_only_where_the_statement_says_write(ci: Ci) -> None:
    bearer = bearing(ci.secret())
    ci.site.publish(PAYMENTS, person=None, headers=bearer)

    def answer() -> int:
        path = "/-/api/v1/registries/python/projects/payments-api/releases/1.4.0/yank"
        return ci.site.ask(path, None, method="PUT", headers=bearer, data=b'{"reason": "wrong"}').status_code

    assert answer() == 403
    ci.site.policy(**{PATH: trusting(ci.issuer.url) + "    scopes: [write]\n"})
    assert answer() == 200
    assert facts(ci.site)["Publisher"] == "github/acme/payments"


def test_one_token_publishes_all_projects_that_trust_the_pipeline(ci: Ci) -> None:
    ci.site.policy(**{"registries/python/projects/payments-cli": trusting(ci.issuer.url)})
    bearer = bearing(ci.secret())
    for project in ("payments-api", "payments-cli"):
        assert ci.site.publish(wheel(project, "1.0"), person=None, headers=bearer).status_code == 200


def test_a_registrys_publisher_may_publish_every_project_of_it(ci: Ci) -> None:
    block = trusting(ci.issuer.url).replace("protected: true\n", "")
    ci.site.policy(**{PATH: None, "registries/python/registry": f"projects: open\n{block}"})
    assert ci.site.publish(wheel("anything", "1.0"), person=None, headers=bearing(ci.secret())).status_code == 200


def test_the_first_publisher_that_fits_counts(ci: Ci) -> None:
    general = f"  - {{issuer: '{ci.issuer.url}', scopes: [read], claims: {{repository_id: '123456'}}}}\n"
    ci.site.policy(**{PATH: trusting(ci.issuer.url).replace("publishers:\n", f"publishers:\n{general}")})
    refused = ci.site.publish(PAYMENTS, person=None, headers=bearing(ci.secret()))
    assert refused.status_code == 403
    assert f"{PROJECT}:3 gives this pipeline read, this needs publish" in refused.text


OPEN = "kind: source\nprojects: open\n"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({PATH: "protected: true\n"}, f"no publisher of {PROJECT} fits this pipeline"),
        ({PATH: None}, "no publisher of registries/python/registry.yaml fits this pipeline"),
        ({PATH: "nonsense\n"}, f"{PROJECT}:1: "),
        ({PATH: "ENVIRONMENT"}, f"{PROJECT}:3: the token says environment 'pypi'; environment: other"),
        ({PATH: "READ"}, f"{PROJECT}:3 gives this pipeline read, this needs publish"),
        ({"waybill": "FROZEN"}, "waybill.yaml:5 says frozen: true"),
        ({"waybill": accepting("https://elsewhere.example")}, "no publisher of"),
        ({"waybill": "organization: acme\n"}, "no publisher of"),
        ({"waybill": "nonsense\n"}, "waybill.yaml:1: "),
        ({"registries/python/registry": f"{OPEN}frozen: true\n"}, "registry.yaml:3 says frozen: true"),
        ({"registries/python/registry": "kind: remote\nupstreams: [{url: 'https://x.example/'}]\n"}, "kind remote"),
        ({"registries/python/registry": "nonsense\n"}, "registries/python/registry.yaml:1: "),
        ({"registries/python/registry": "kind: source\nprojects: declared\n", PATH: None}, "no publisher of"),
    ],
)
def test_the_policy_counts_when_the_token_is_used(ci: Ci, change: dict[str, str | None], why: str) -> None:
    bearer, before = bearing(ci.secret()), ci.site.head()
    ours = trusting(ci.issuer.url)
    meant = {
        "ENVIRONMENT": ours.replace("environment: pypi", "environment: other"),
        "READ": ours + "    scopes: [read]\n",
        "FROZEN": accepting(ci.issuer.url) + "frozen: true\n",
    }
    ci.site.policy(**{path: meant.get(text or "", text) for path, text in change.items()})
    refused = ci.site.publish(PAYMENTS, person=None, headers=bearer)
    assert refused.status_code == 403, refused.text
    assert why in refused.text
    assert ci.site.head() == before


def test_a_project_that_trusts_the_pipeline_later_needs_a_new_token(ci: Ci) -> None:
    bearer = bearing(ci.secret())
    ci.site.policy(**{"registries/python/projects/payments-cli": trusting(ci.issuer.url)})
    refused = ci.site.publish(wheel("payments-cli", "1.0"), person=None, headers=bearer)
    assert refused.status_code == 403
    assert "its upload token was made for other projects" in refused.text


def test_an_upload_token_ends_after_a_quarter_of_an_hour(ci: Ci) -> None:
    with freeze_time(dt.datetime.now(dt.UTC)) as clock:
        bearer = bearing(ci.secret())
        clock.tick(dt.timedelta(minutes=14, seconds=58))
        assert ci.site.ask("/python/simple/payments-api/", None, headers=bearer).status_code == 200
        clock.tick(dt.timedelta(seconds=3))
        refused = ci.site.publish(PAYMENTS, person=None, headers=bearer)
    assert refused.status_code == 401
    assert "expired" in refused.text


def test_a_burned_token_fails_at_once_and_burning_tells_nothing(ci: Ci) -> None:
    secret = ci.secret()
    client = ci.site.app.test_client()
    assert ci.site.ask("/python/simple/payments-api/", None, headers=bearing(secret)).status_code == 200
    api_token = ci.site.token()  # of alice
    bodies: list[object] = [{"token": sent} for sent in (secret, secret, api_token, "nonsense", 7)]
    for sent in (*bodies, {}, []):
        answer = client.post("/_/oidc/burn-token", json=sent)
        assert (answer.status_code, answer.data) == (202, b"")
    assert ci.site.ask("/python/simple/payments-api/", None, headers=bearing(secret)).status_code == 401
    assert ci.site.ask("/python/simple/", "alice").status_code == 200  # API tokens are revoked, not burned


class Burning(io.BytesIO):
    """A body that comes in two pieces; meanwhile something happens."""

    def __init__(self, body: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(body)
        self._half, self._meanwhile = len(body) // 2, meanwhile

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            return super().read(self._half)
        if self._half:
            self._half = 0
            self._meanwhile()
        return super().read(size)


@pytest.mark.parametrize(
    ("meanwhile", "status"),
    [
        (lambda ci, secret: ci.site.app.test_client().post("/_/oidc/burn-token", json={"token": secret}), 401),
        (lambda ci, _: ci.site.policy(**{PATH: "protected: true\n"}), 403),
        (lambda ci, _: ci.site.policy(waybill=accepting(ci.issuer.url) + "frozen: true\n"), 403),
        (lambda _ci, _secret: None, 200),
    ],
    ids=["burned", "not trusted any more", "frozen", "nothing"],
)
def test_what_happens_while_a_file_comes_counts(ci: Ci, meanwhile: Callable[[Ci, str], object], status: int) -> None:
    secret, before = ci.secret(), ci.site.head()
    fields = {":action": "file_upload", "protocol_version": "1"}
    body, content_type = multipart([*fields.items(), ("content", PAYMENTS)])
    answer = ci.site.app.test_client().post(
        "/python/", input_stream=Burning(body, lambda: meanwhile(ci, secret)),
        headers={**bearing(secret), "Content-Type": content_type, "Content-Length": str(len(body))},
    )  # fmt: skip
    assert answer.status_code == status, answer.text
    assert (ci.site.head() == before) == (status != 200)


def test_somebody_elses_secret_with_our_token_id_is_nobodys(ci: Ci) -> None:
    one, other = ci.secret(), ci.secret()
    forged = f"{one.rsplit('_', 1)[0]}_{other.rsplit('_', 1)[1]}"
    assert ci.site.ask("/python/simple/payments-api/", None, headers=bearing(forged)).status_code == 401


def test_a_pipeline_declares_when_it_gets_its_token_and_not_later(ci: Ci) -> None:
    headers = {**bearing(ci.secret()), "X-Waybill-Declared-Job": "another"}
    assert ci.site.publish(PAYMENTS, person=None, headers=headers).status_code == 200
    assert "Declared-Job" not in facts(ci.site)
