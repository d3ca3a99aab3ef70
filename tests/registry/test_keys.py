"""The keys of issuers: fetched seldom, followed when they rotate, kept through outages, and not for ever."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from registry import keys
from registry.errors import Invalid, Unavailable
from registry.fetch import document
from registry.keys import FAILED, FRESH, ROTATED, STALE, Keys
from registry.state import State
from tests.issuer import Issuer, ec_key, issuing, public, rsa_key, trusted_file

NOW = 1_800_000_000.0
FETCH = ["/.well-known/openid-configuration", "/keys"]


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted_file(tmp_path)))
    with issuing() as made:
        yield made


def known(found: Keys, issuer: Issuer, kid: str = "first", at: float = 0.0, algorithm: str = "RS256") -> bool:
    """Tell whether a key is known; None is never given."""
    try:
        return found.get(issuer.url, kid, algorithm, NOW + at) is not None
    except Invalid:
        return False


def test_keys_are_not_asked_for_again_while_they_are_fresh(issuer: Issuer) -> None:
    found = Keys(State())
    assert all(known(found, issuer, at=at) for at in (0, 1, FRESH))
    assert issuer.asked == FETCH
    assert known(found, issuer, at=FRESH + 1)
    assert issuer.asked == FETCH * 2


def test_a_new_key_is_found_as_soon_as_it_may_be_asked_for(issuer: Issuer) -> None:
    found = Keys(State())
    assert known(found, issuer)
    issuer.rotate("second")
    assert not known(found, issuer, "second", at=ROTATED - 1)
    assert known(found, issuer, "second", at=ROTATED)
    assert not known(found, issuer, "first", at=ROTATED)


def test_a_key_that_was_withdrawn_ends_when_it_is_no_longer_fresh(issuer: Issuer) -> None:
    found = Keys(State())
    assert known(found, issuer)
    issuer.rotate("second")
    assert known(found, issuer, "first", at=FRESH)
    assert not known(found, issuer, "first", at=FRESH + 1)


def test_unknown_keys_do_not_make_us_ask_more_often(issuer: Issuer) -> None:
    found = Keys(State())
    assert known(found, issuer)
    for number in range(50):
        assert not known(found, issuer, f"stranger-{number}", at=ROTATED + number / 100)
    assert issuer.asked == FETCH * 2
    assert known(found, issuer, at=ROTATED + 1)


def test_in_an_outage_keys_are_used_for_a_bounded_time(issuer: Issuer) -> None:
    found = Keys(State())
    assert known(found, issuer)
    issuer.outage = True
    assert known(found, issuer, at=FRESH + 1)
    assert known(found, issuer, at=STALE)
    with pytest.raises(Unavailable, match="cannot be fetched now"):
        known(found, issuer, at=STALE + 1)
    issuer.outage = False
    assert known(found, issuer, at=STALE + 1 + FAILED)


def test_an_issuer_that_gives_nothing_is_not_asked_at_once_again(issuer: Issuer) -> None:
    found = Keys(State())
    issuer.outage = True
    for at in (0, 1, FAILED - 1):
        with pytest.raises(Unavailable):
            known(found, issuer, at=at)
    assert issuer.asked == FETCH[:1]
    issuer.outage = False
    assert known(found, issuer, at=FAILED)


def test_a_clock_that_is_set_back_makes_no_key_live_longer(issuer: Issuer) -> None:
    found = Keys(State())
    assert known(found, issuer)
    issuer.rotate("second")
    assert not known(found, issuer, "first", at=-3600)
    assert known(found, issuer, "second", at=-3600)


def test_who_began_a_little_earlier_than_others_uses_the_keys_they_fetched(issuer: Issuer) -> None:
    found = Keys(State())
    assert known(found, issuer)
    assert known(found, issuer, at=-0.5)
    assert issuer.asked == FETCH


def test_a_restart_in_an_outage_loses_no_keys(issuer: Issuer, tmp_path: Path) -> None:
    state = State(tmp_path / "state.sqlite")
    assert known(Keys(state), issuer)
    state.close()
    issuer.outage = True
    state = State(tmp_path / "state.sqlite")
    assert known(Keys(state), issuer, at=FRESH + 1)
    state.close()


def test_many_who_come_at_once_ask_once(issuer: Issuer) -> None:
    found = Keys(State())
    issuer.slow = 0.2
    gate = threading.Barrier(20)

    def ask(_: int) -> bool:
        gate.wait()
        return known(found, issuer)

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(ask, range(20)))
    assert issuer.asked == FETCH


def test_who_waits_too_long_is_told_so_and_the_next_finds_the_answer(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_end = threading.Event(), threading.Event()

    def fetch(url: str, seconds: float) -> bytes:
        began.set()
        may_end.wait(10)
        return document(url, seconds + 10)

    monkeypatch.setattr(keys, "PATIENCE", 0.1)
    state = State()
    found = Keys(state, fetch)
    with pytest.raises(Unavailable, match="try again in 10 seconds"):
        known(found, issuer)
    assert began.is_set()
    may_end.set()
    monkeypatch.setattr(keys, "PATIENCE", 10.0)
    assert known(found, issuer)


def discovery(**changes: Any) -> Callable[[Issuer], dict[str, Any]]:
    return lambda issuer: {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys", **changes}


@pytest.mark.parametrize(
    "told",
    [
        discovery(issuer="https://another.example"),
        discovery(issuer=None),
        lambda issuer: {"issuer": issuer.url + "/", "jwks_uri": f"{issuer.url}/keys"},
        discovery(jwks_uri="https://another.example/keys"),
        discovery(jwks_uri=None),
        discovery(jwks_uri="https://[bad/keys"),
        lambda issuer: {"issuer": issuer.url, "jwks_uri": issuer.url.replace("https", "http") + "/keys"},
        lambda issuer: {"issuer": issuer.url, "jwks_uri": issuer.url.replace("localhost", "127.0.0.1") + "/keys"},
        lambda issuer: {"issuer": issuer.url, "jwks_uri": issuer.url + "0/keys"},
        lambda _: [],
        lambda _: "words",
    ],
)
def test_a_discovery_that_leads_elsewhere_is_not_followed(issuer: Issuer, told: Callable[[Issuer], Any]) -> None:
    issuer.answers[FETCH[0]] = 200, {}, json.dumps(told(issuer)).encode()
    with pytest.raises(Unavailable):
        known(Keys(State()), issuer)
    assert issuer.asked == FETCH[:1]


GOOD = public(rsa_key(0), "first")


@pytest.mark.parametrize(
    "given",
    [
        [],
        "keys",
        None,
        [GOOD] * 101,
        [{**GOOD, "kid": None}],
        [{**GOOD, "kid": ""}],
        [{**GOOD, "use": "enc"}],
        [{**GOOD, "alg": "RS512"}],
        [{**GOOD, "kty": "EC"}],
        [{**GOOD, "n": "AQAB"}],
        [{**GOOD, "n": "no base64!"}],
        [{**GOOD, "n": 7}],
        [{**GOOD, "d": "AQAB"}],
        [{"kty": "oct", "kid": "first", "alg": "HS256", "k": "AQAB"}],
        [public(rsa_key(1, 1024), "first")],
        [{**public(ec_key(1), "first"), "crv": "P-384"}],
        [7, "key", None],
    ],
)
def test_keys_that_are_none_or_too_weak_verify_nothing(issuer: Issuer, given: Any) -> None:
    issuer.keys = given
    with pytest.raises(Unavailable):
        known(Keys(State()), issuer)


def test_a_key_that_is_none_spoils_no_other(issuer: Issuer) -> None:
    issuer.keys = [{"kty": "oct", "kid": "shared", "k": "AQAB"}, GOOD, public(ec_key(1), "elliptic")]
    found = Keys(State())
    assert known(found, issuer)
    assert known(found, issuer, "elliptic", algorithm="ES256")
    assert not known(found, issuer, "first", algorithm="ES256")
    assert not known(found, issuer, "elliptic", algorithm="RS256")
    assert not known(found, issuer, "shared")
