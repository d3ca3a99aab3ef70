"""A token is exchanged once: however it is spelled the second time, whenever it comes, and whatever it says."""

import base64
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from freezegun import freeze_time

from registry.oidc import Identity, identify
from tests.claim_sets import GITHUB
from tests.issuer import ec_key, encoded, issuing, rsa_key
from tests.registry.web.pipelines import Ci, accepting, trusting

REUSED = "invalid-reuse-token"


def respelled(token: str) -> str:
    """Write the same bytes of the signature in other characters: the last one has bits that nobody reads."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    changed = token[:-1] + alphabet[last ^ 1]
    one, other = (base64.urlsafe_b64decode(text.split(".")[2] + "==") for text in (token, changed))
    assert one == other
    return changed


@pytest.mark.parametrize("jti", ["of-one-job", None, "", 7])
def test_the_same_token_again_is_refused(ci: Ci, jti: object) -> None:
    token = ci.token(jti=jti)
    assert ci.mint(token).status_code == 200
    assert ci.refusal(token) == (
        REUSED,
        "This identity token was used before; each is exchanged once, get a new one",
    )


@pytest.mark.parametrize("jti", ["of-one-job", None])
def test_another_spelling_of_the_signature_is_the_same_token(ci: Ci, jti: object) -> None:
    token = ci.token(jti=jti)
    assert ci.mint(token).status_code == 200
    code, _ = ci.refusal(respelled(token))
    assert code in {REUSED, "invalid-token"}


def test_another_signature_over_the_same_words_is_the_same_token(ci: Ci) -> None:
    ci.issuer.rotate("elliptic", ec_key(1))  # signs anew each time
    claims = ci.issuer.claims(GITHUB, jti=None)
    one, other = (ci.issuer.token(claims, **claims) for _ in range(2))
    assert one != other
    assert one.rpartition(".")[0] == other.rpartition(".")[0]
    assert ci.mint(one).status_code == 200
    assert ci.refusal(other)[0] == REUSED


def test_an_id_names_one_token_whatever_else_it_says(ci: Ci) -> None:
    assert ci.mint(ci.token(jti="twice")).status_code == 200
    assert ci.refusal(ci.token(jti="twice", run_id="78"))[0] == REUSED


def test_ids_of_two_issuers_are_two(ci: Ci) -> None:
    with issuing() as other:
        other.rotate("other", rsa_key(50))
        ci.site.policy(waybill=accepting(ci.issuer.url, f", {other.url}"))
        ci.site.policy(registries__python__projects__tool=trusting(other.url))
        assert ci.mint(ci.token(jti="the same")).status_code == 200
        assert ci.mint(other.token(GITHUB, jti="the same")).status_code == 200


def test_a_refused_token_is_not_used_up(ci: Ci) -> None:
    token = ci.token(environment="staging")
    assert ci.refusal(token)[0] == "invalid-publisher"
    ours = trusting(ci.issuer.url)
    ci.site.policy(**{"registries/python/projects/payments-api": ours.replace("pypi", "staging")})
    assert ci.mint(token).status_code == 200


def test_it_is_refused_at_every_moment_at_which_it_would_be_good(ci: Ci) -> None:
    start = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
    now = int(start.timestamp())
    with freeze_time(start) as clock:
        token = ci.token(iat=now, nbf=now, exp=now + 300)
        assert ci.mint(token).status_code == 200
        for seconds, expected in ((299, REUSED), (300, REUSED), (329.9, REUSED), (330, "invalid-token")):
            clock.move_to(start + dt.timedelta(seconds=seconds))
            made = now + int(seconds)
            assert ci.mint(ci.token(iat=made, nbf=made, exp=made + 300)).status_code == 200  # and forget what is over
            assert ci.refusal(token)[0] == expected


def test_one_that_ends_while_it_is_exchanged_again_is_refused(ci: Ci, monkeypatch: pytest.MonkeyPatch) -> None:
    start = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
    now = int(start.timestamp())
    with freeze_time(start) as clock:
        token, late = ci.token(iat=now, exp=now + 300), ci.token(iat=now + 330, exp=now + 600)
        assert ci.mint(token).status_code == 200

        def slowly(*given: Any) -> Identity:
            found = identify(*given)
            monkeypatch.undo()
            clock.move_to(start + dt.timedelta(seconds=335))
            assert ci.mint(late).status_code == 200  # and forget what is over
            return found

        monkeypatch.setattr("registry.mint.identify", slowly)
        clock.move_to(start + dt.timedelta(seconds=329))
        assert ci.refusal(token)[0] == REUSED


@pytest.mark.parametrize("jti", ["of-one-job", None])
def test_of_many_threads_that_exchange_one_token_one_succeeds(ci: Ci, jti: object) -> None:
    token, gate = ci.token(jti=jti), Barrier(40)

    def exchange(_: int) -> int:
        gate.wait()
        return ci.mint(token).status_code

    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(exchange, range(40)))
    assert sorted(statuses) == [200] + [422] * 39


def test_a_token_of_padding_is_no_other_token(ci: Ci) -> None:
    token = ci.token(jti=None)
    head, body, signature = token.split(".")
    spaced = encoded(base64.urlsafe_b64decode(head + "==") + b" ")
    assert ci.refusal(f"{spaced}.{body}.{signature}")[0] == "invalid-token"
    assert ci.mint(token).status_code == 200
