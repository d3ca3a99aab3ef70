"""Where a file comes from, as records and pages show it, and what an uploader may say of it by himself.

What was verified, what a CI system's API says, and what was only said never share a place: nobody may take one for
another.
"""

import re
from collections.abc import Mapping
from typing import Any

from registry.errors import Invalid
from registry.model import Origin

DECLARABLE = ("Repository", "Commit", "Ref", "Pipeline", "Job", "Workflow", "Environment", "Actor")
LONGEST = 300  # characters of a declared value
_ADDRESS = re.compile(r"[^\s@/:]+@[^\s@/:]+\.[A-Za-z]{2,}")  # an e-mail address; none is kept


def origin_json(origin: Origin) -> dict[str, Any]:
    """Show where something comes from."""
    shown: dict[str, Any] = {"trust": origin.trust, "principal": origin.principal}
    if origin.token:
        shown["token"] = origin.token
    levels = {"verified": origin.verified, "resolved": origin.resolved, "declared": origin.declared}
    for kind, said in levels.items():
        if said:
            shown[kind] = {name.lower(): value for name, value in said.items()}
    return shown


def read_origin(said: Mapping[str, Any]) -> Origin:
    """Read what `origin_json` wrote."""
    verified, declared, resolved = (
        {name.title(): str(value) for name, value in said.get(kind, {}).items()}
        for kind in ("verified", "declared", "resolved")
    )
    return Origin(said["trust"], said["principal"], said.get("token"), verified, declared, resolved)


def declared(given: Mapping[str, object]) -> dict[str, str]:
    """Check what an uploader says about where a file comes from.

    Args:
        given: by name, such as commit or Commit.

    Returns:
        The same, by trailer, in one order.

    Raises:
        Invalid: a name means nothing here, or a value cannot be shown on one line, or names a person by address.
    """
    said = {str(name).title(): value for name, value in given.items()}
    for name, value in said.items():
        if name not in DECLARABLE:
            known = ", ".join(DECLARABLE).lower()
            raise Invalid(f"declared: {name[:40].lower()!a} means nothing here; what can be declared is {known}")
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable():
            raise Invalid(f"declared {name.lower()}: send one line of at most {LONGEST} characters")
        if value != value.strip() or _ADDRESS.search(value):
            raise Invalid(f"declared {name.lower()}: no spaces around it, and no e-mail addresses")
    return {name: str(said[name]) for name in DECLARABLE if name in said}
