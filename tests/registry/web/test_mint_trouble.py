"""The exchange while something does not work: an issuer, the state, the policy. It says so in words, and in time."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from freezegun import freeze_time

from registry import database, keys
from registry.cli.data import STATE
from registry.keys import FAILED
from tests.archives import wheel
from tests.issuer import Issuer
from tests.registry.web.pipelines import Ci, accepting, bearing
from tests.registry.web.site import json_of


def unavailable(ci: Ci, token: str) -> str:
    """Get the text of a refusal that says to come again."""
    answer = ci.mint(token)
    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"].isdecimal()
    assert answer.get_json()["message"] == "Token request failed"
    (error,) = answer.get_json()["errors"]
    assert error["code"] == "unavailable"
    return str(error["description"])


def be_down(issuer: Issuer) -> None:
    issuer.outage = True


def be_slow(issuer: Issuer) -> None:
    issuer.slow = 1.0


def speak_nonsense(issuer: Issuer) -> None:
    issuer.answers["/keys"] = 200, {}, b"<html>"


@pytest.mark.parametrize("trouble", [be_down, be_slow, speak_nonsense])
def test_an_issuer_that_gives_no_keys_is_said(
    ci: Ci, trouble: Callable[[Issuer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PATIENCE", 0.3)
    trouble(ci.issuer)
    text = unavailable(ci, ci.token())
    assert text == f"The keys of {ci.issuer.url} cannot be fetched now; try again in {FAILED} seconds"


def test_what_the_exchange_waits_for_takes_less_than_clients_wait() -> None:
    assert keys.PATIENCE + database.PATIENCE < 5


def test_a_token_that_was_refused_for_an_outage_is_still_good_after_it(ci: Ci) -> None:
    token = ci.token()
    ci.issuer.outage = True
    unavailable(ci, token)
    ci.issuer.outage = False
    with freeze_time(datetime.now(UTC) + timedelta(seconds=FAILED + 1)):
        assert ci.mint(token).status_code == 200


def test_an_issuer_that_left_the_policy_is_not_asked(ci: Ci) -> None:
    token = ci.token()
    ci.site.policy(waybill=accepting("https://elsewhere.example"))
    code, text = ci.refusal(token)
    assert code == "invalid-token"
    assert f"waybill.yaml accepts no tokens of issuer '{ci.issuer.url}'" in text
    assert ci.issuer.asked == []


def test_without_the_state_nobody_exchanges_and_all_else_goes_on(ci: Ci) -> None:
    secret = ci.secret()
    ci.site.publish(wheel("tool", "1.0"))
    ci.site.installation.state.close()
    for path in ci.site.folder.glob(f"{STATE}*"):
        path.write_bytes(b"not a database" * 1000)
    assert "state.sqlite cannot be used now" in unavailable(ci, ci.token())
    assert ci.site.ask("/python/simple/payments-api/", None, headers=bearing(secret)).status_code == 503
    assert ci.site.app.test_client().post("/_/oidc/burn-token", json={"token": secret}).status_code == 503

    assert ci.site.ask("/python/simple/tool/").status_code == 200
    assert ci.site.publish(wheel("tool", "2.0")).status_code == 200
    assert ci.site.ask("/-/ready", None).status_code == 200
    said = json_of(ci.site.ask("/-/health", None))
    assert said["status"] == "degraded"
    assert "state.sqlite cannot be used now" in said["exchange"]


def test_a_lost_state_ends_upload_tokens_and_takes_no_identity_token_from_before(ci: Ci) -> None:
    secret, token = ci.secret(), ci.token()
    ci.site.installation.state.close()
    for path in ci.site.folder.glob(f"{STATE}*"):
        path.unlink()
    assert ci.site.ask("/python/simple/payments-api/", None, headers=bearing(secret)).status_code == 401
    assert json_of(ci.site.ask("/-/health", None))["status"] == "ok"
    code, text = ci.refusal(token)
    assert code == "invalid-token"
    assert "older than this registry's memory of used ones" in text
    later = int(time.time()) + 120
    with freeze_time(datetime.fromtimestamp(later, UTC)):
        assert ci.mint(ci.token(iat=later, nbf=later, exp=later + 300)).status_code == 200


def test_keys_in_the_policy_do_where_an_issuer_cannot_be_reached(ci: Ci) -> None:
    ci.issuer.outage = True
    ci.site.policy(waybill=f"{accepting(ci.issuer.url)}keys:\n  {ci.issuer.url}: {json.dumps(ci.issuer.keys)}\n")
    assert ci.mint(ci.token()).status_code == 200
    ci.issuer.rotate("second")
    code, text = ci.refusal(ci.token())
    assert code == "invalid-token"
    assert text == f"waybill.yaml has no RS256 key 'second' of {ci.issuer.url}; an admin adds it under 'keys'"
    ci.issuer.kid = "first"  # another key that says it is ours
    assert "signature is not its issuer's" in ci.refusal(ci.token())[1]
    assert ci.issuer.asked == []
