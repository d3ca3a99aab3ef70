"""Keys and signatures, by PyJWT and cryptography: 10 MB and a tenth of a second that only those need who mint."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jwt import PyJWK

Jwk = Mapping[str, str]  # a public key (RFC 7517)
ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}  # and the type of key of each (RFC 7518)
_RSA_BITS = range(2048, 8193)


def key_of(said: Mapping[str, Any], algorithm: str) -> "PyJWK | None":
    """Read a public key (RFC 7517); None if it is none for this algorithm, or too weak, or too large to be of use."""
    from jwt import PyJWK  # noqa: PLC0415 - see above
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - see above

    if said.get("kty") != ALGORITHMS[algorithm] or said.get("alg", algorithm) != algorithm or "d" in said:
        return None
    try:
        found = PyJWK(dict(said), algorithm=algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    return found if algorithm != "RS256" or found.key.key_size in _RSA_BITS else None


def is_signed(token: str, key: "PyJWK", algorithm: str) -> bool:
    """Tell whether a token in the compact form was signed with a key."""
    from jwt import PyJWS  # noqa: PLC0415 - see above
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - see above

    try:
        PyJWS().decode(token, key, algorithms=[algorithm])
    except (PyJWTError, ValueError):
        return False
    return True
