"""An identity token taken apart before any library sees it: bounded, strict, and nothing in it is believed yet.

RFC 7515 and 7519, without everything that makes two readers disagree: duplicate members, NaN, other encodings.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from registry.errors import Invalid

LONGEST = 16 * 2**10  # characters; GitLab's, the longest of all, have three thousand
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
# Members by which a token would bring its own key, or mean something else than it says.
_FOREIGN = ("jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc")


@dataclass(frozen=True, slots=True)
class Compact:
    """The parts of a token, none of them verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: str  # what the signature is over: another spelling of the signature is the same token


def taken_apart(token: str) -> Compact:
    """Read a token.

    Raises:
        Invalid: it is not a signed JWT in the compact form.
    """
    if len(token) > LONGEST:
        raise Invalid(f"The token has {len(token)} characters; at most {LONGEST} are read")
    if not _FORM.fullmatch(token):
        raise Invalid("The token is not a signed JWT: three parts of base64url between two dots")
    header, claims, _ = token.split(".")
    parts = Compact(_object(header, "header"), _object(claims, "payload"), f"{header}.{claims}")
    for name in _FOREIGN:
        if name in parts.header:
            raise Invalid(f"The token's header has '{name}', which is not accepted here")
    if str(parts.header.get("typ", "JWT")).upper() != "JWT":
        raise Invalid("The token is of another type than JWT, so it was made for something else")
    return parts


def _object(part: str, what: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Invalid(f"The token's {what} is not a JSON object in UTF-8 that names each member once")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is named twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
