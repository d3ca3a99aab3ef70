"""The shape of public keys, for issuers that this registry cannot reach (RFC 7517, RFC 7518 section 6).

They are written as the issuer publishes them, in JSON: YAML takes the bare keys n and y for truth values.
"""

from collections.abc import Mapping

from registry.policy.schema.kinds import LINE, URL
from registry.policy.shapes import Text, Word
from registry.policy.tables import Key, ListOf, MappingOf, Row, Table

_NUMBER = Text("base64url as in the issuer's own key set", "[A-Za-z0-9_-]+", 1400)
_SHOWN = ("kid", "kty", "alg")
_PARTS: Mapping[str, tuple[str, ...]] = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}


def _key(row: Row) -> Mapping[str, str] | None:
    """Build a key that has all of its parts."""
    for part in _PARTS[row.get("kty")]:
        if part not in row.values:
            row.report(None, f"missing key '{part}', a part of every public key of type {row.get('kty')}")
            return None
    return row.texts(*_SHOWN, *_PARTS[row.get("kty")])


_JWK = Table(
    {
        "kid": Key(LINE, "the key's id, as in the header of the identity tokens it signs", required=True),
        "kty": Key(Word("type of key", tuple(_PARTS)), "RSA or EC", required=True),
        "alg": Key(Word("algorithm", ("RS256", "ES256")), "the algorithm it is for"),
        "use": Key(Word("use", ("sig",)), "sig: it signs"),
        "key_ops": Key(ListOf(Word("operation", ("verify",))), "verify: it verifies"),
        "n": Key(_NUMBER, "RSA: the modulus"),
        "e": Key(_NUMBER, "RSA: the exponent"),
        "crv": Key(Word("curve", ("P-256",)), "EC: the curve"),
        "x": Key(_NUMBER, "EC: the first coordinate"),
        "y": Key(_NUMBER, "EC: the second coordinate"),
    },
    _key,
)
KEYS = MappingOf(URL, ListOf(_JWK, least=1, most=20), most=100)
