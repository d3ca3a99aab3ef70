"""The public keys of issuers: from the policy; else found by discovery, kept, rotated, stale for a bounded time.

https://openid.net/specs/openid-connect-discovery-1_0.html section 4, RFC 7517. Only issuers of the policy are asked.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from registry.errors import Invalid, Unavailable
from registry.fetch import document
from registry.signatures import ALGORITHMS, Jwk, key_of
from registry.state import LEEWAY, Fetched, State

if TYPE_CHECKING:
    from jwt import PyJWK

FRESH = 300  # seconds for which keys are not asked for again
ROTATED = 60  # seconds until an issuer is asked again because of a key that nobody knows
FAILED = 10  # seconds until it is asked again because it gave nothing
STALE = 6 * 3600  # seconds for which keys are used when the issuer cannot be asked
PATIENCE = 2.5  # seconds for all that an issuer is asked; a mint answers within five

_MOST_KEYS = 100
_MEMBERS = ("kid", "kty", "alg", "n", "e", "crv", "x", "y")
Fetch = Callable[[str, float], bytes]


def reviewed(keys: Iterable[Jwk], issuer: str, kid: str, algorithm: str) -> "PyJWK":
    """Find one key of an issuer whose keys the policy has; nobody is asked.

    Raises:
        Invalid: the policy has no such key.
    """
    found = _among(keys, kid, algorithm)
    if found is None:
        raise Invalid(f"waybill.yaml has no {algorithm} key {kid[:80]!a} of {issuer}; an admin adds it under 'keys'")
    return found


class Keys:
    """The keys of all issuers, shared by the processes of a server. Any thread may use it."""

    def __init__(self, state: State, fetch: Fetch = document) -> None:
        """Nothing is fetched yet.

        Args:
            state: where keys are kept, so that a restart during an outage loses none.
            fetch: gets a document in some seconds.
        """
        self._state = state
        self._fetch = fetch
        self._asking: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def get(self, issuer: str, kid: str, algorithm: str, now: float) -> "PyJWK":
        """Find one key of an issuer.

        Args:
            issuer: one of the policy's, as it is in the token.
            kid: which key, as the token says.
            algorithm: what it must be for.
            now: seconds since the epoch.

        Raises:
            Invalid: the issuer has no such key.
            Unavailable: it cannot be asked, and what is known of it is too old.
        """
        known = self._state.fetched(issuer)
        found = _find(known, kid, algorithm, now, FRESH)
        if found is None and _due(known, now):
            self._ask(issuer, now)
            known = self._state.fetched(issuer)
        found = found or _find(known, kid, algorithm, now, STALE)
        if found is not None:
            return found
        if known is None or known.said is None or not _is_within(now - known.at, STALE):
            raise Unavailable(f"The keys of {issuer} cannot be fetched now; try again in {FAILED} seconds")
        raise Invalid(
            f"{issuer} has no {algorithm} key {kid[:80]!a}; if it was just made, try again in {ROTATED} seconds"
        )

    def _ask(self, issuer: str, now: float) -> None:
        """Ask an issuer, once for all who wait; a slow one answers later, for those who come then."""
        with self._lock:
            thread = self._asking.get(issuer)
            if thread is None:
                thread = threading.Thread(target=self._refresh, args=(issuer, now), name="keys", daemon=True)
                self._asking[issuer] = thread
                thread.start()
        thread.join(PATIENCE)

    def _refresh(self, issuer: str, now: float) -> None:
        try:
            said = None
            try:
                said = self._fetched(issuer, time.monotonic() + PATIENCE)
            finally:
                self._state.keep_keys(issuer, said, now)
        except Unavailable:  # whoever waits finds out what there is
            pass
        finally:
            with self._lock:
                self._asking.pop(issuer, None)

    def _fetched(self, issuer: str, ends: float) -> str:
        """Follow the discovery document, which must be the issuer's own and stay on its host."""
        where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        found = _json_object(self._fetch(where, PATIENCE), where)
        keys = found.get("jwks_uri")
        if found.get("issuer") != issuer:
            raise Unavailable(f"{where} speaks of another issuer")
        if not isinstance(keys, str) or _origin(keys) != _origin(issuer) or _origin(keys)[0] != "https":
            raise Unavailable(f"{where} names keys on another host, or not by https")
        said = _json_object(self._fetch(keys, max(0.1, ends - time.monotonic())), keys)
        return json.dumps({"keys": _usable(said.get("keys"), keys)})


def _due(known: Fetched | None, now: float) -> bool:
    """Tell whether an issuer may be asked again: strangers' tokens and outages must not make that often."""
    if known is None or now < known.tried - LEEWAY:  # the clock was set back
        return True
    gave = known.said is not None and known.at == known.tried
    return now - known.tried >= (ROTATED if gave else FAILED)


def _find(known: Fetched | None, kid: str, algorithm: str, now: float, age: float) -> "PyJWK | None":
    if known is None or known.said is None or not _is_within(now - known.at, age):
        return None
    return _among(json.loads(known.said)["keys"], kid, algorithm)


def _is_within(age: float, longest: float) -> bool:
    """Tell whether keys are not too old; who began before them finds them younger than new."""
    return -LEEWAY <= age <= longest


def _among(keys: Iterable[Jwk], kid: str, algorithm: str) -> "PyJWK | None":
    return next((made for key in keys if key["kid"] == kid and (made := key_of(key, algorithm))), None)


def _usable(given: object, where: str) -> list[dict[str, str]]:
    """Keep the keys that may verify something; one that is none spoils no other."""
    if not isinstance(given, list) or len(given) > _MOST_KEYS:
        raise Unavailable(f"{where} is not a set of at most {_MOST_KEYS} keys")
    usable = [key for key in given if isinstance(key, dict) and _is_public(key)]
    kept = [{name: value for name, value in key.items() if name in _MEMBERS} for key in usable]
    if not kept:
        raise Unavailable(f"{where} has no key that is of use: {' or '.join(ALGORITHMS)}, with a kid")
    return kept


def _is_public(key: Mapping[str, Any]) -> bool:
    if not (isinstance(key.get("kid"), str) and key["kid"]) or key.get("use", "sig") != "sig":
        return False
    return any(key_of(key, algorithm) for algorithm in ALGORITHMS)


def _json_object(raw: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unavailable(f"{where} is not a JSON object")
    return found


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return "", None, None
    return parts.scheme, parts.hostname, port
