"""The shape of `cases/<name>.yaml`: what must hold after every change."""

from registry.policy.case import Case, Identity
from registry.policy.roles import Action
from registry.policy.schema.claims import Scalar
from registry.policy.schema.kinds import CLAIM, GLOB, LINE, REGISTRY, URL
from registry.policy.schema.publishers import PROVIDERS
from registry.policy.shapes import Text, Word, unknown
from registry.policy.tables import Key, ListOf, MappingOf, Row, Table

MOST_CASES = 200


def _identity(row: Row) -> Identity | None:
    """Build an identity, which is one provider's or one issuer's."""
    claims = dict(row.get("claims"))
    provider, issuer = claims.pop("provider", None), claims.pop("issuer", None)
    fault = None
    if (provider is None) == (issuer is None):
        fault = "claims: write either provider: <name> or issuer: <URL> among them, to say whose token is meant"
    elif provider is not None and provider not in PROVIDERS:
        fault = unknown("provider", str(provider), PROVIDERS)
    elif issuer is not None and (not isinstance(issuer, str) or URL.fault(issuer)):
        fault = f"issuer: this is not {URL.what}"
    if fault:
        row.report("claims", fault)
        return None
    return Identity(provider, issuer, claims)


def _case(row: Row) -> Case | None:
    """Build a case, which is about one somebody and demands one thing."""
    for one, other in (("person", "claims"), ("may", "may_not")):
        if (one in row.values) == (other in row.values):
            row.report(None, f"a case has exactly one of '{one}' and '{other}'")
            return None
    identity = _identity(row) if "claims" in row.values else None
    if not (identity or row.get("person")):
        return None
    may = "may" in row.values
    return Case(
        person=row.get("person"),
        identity=identity,
        may=may,
        action=Action(row.get("may" if may else "may_not")),
        projects=row.get("projects"),
        registry=row.get("registry"),
        reason=row.get("reason"),
        statement=row.statement,
    )


_WHO = Text("an account id like alice, or anyone", "(?!everyone$)[a-z0-9][a-z0-9._-]*", 64)
_ACTION = Word("action", tuple(map(str, Action)))
CASES = ListOf(
    Table(
        {
            "person": Key(_WHO, "an account id; anyone: a caller without credentials"),
            "claims": Key(
                MappingOf(CLAIM, Scalar(), least=1),
                "what an identity token says: provider: <name> or issuer: <URL>, and claims; others could be anything",
            ),
            "may": Key(_ACTION, "what they must be able to do: read, publish, yank, delete or administer"),
            "may_not": Key(_ACTION, "what they must never be able to do"),
            "projects": Key(ListOf(GLOB, least=1), "on which projects: patterns over normalised names", required=True),
            "registry": Key(REGISTRY, "in which registry; left out: in every one"),
            "reason": Key(LINE, "why, for those whose change it stops"),
        },
        _case,
    ),
    most=MOST_CASES,
)
