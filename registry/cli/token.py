"""`waybill token`: API tokens of people and service accounts."""

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from registry import tokens
from registry.answers import token_json
from registry.cli import data, remote, values
from registry.errors import Invalid
from registry.policy.roles import Role, Scope
from registry.records import timestamp
from registry.shown import shown

_ENDED: remote.Shape = {"id": str, "owner": str}
_LIMITED: remote.Shape = {**_ENDED, "role": str, "registries": [str], "projects": [str], "expires": str | None}
_MADE: remote.Shape = {**_LIMITED, "secret": str}
_LISTED: remote.Shape = {**_LIMITED, "revoked": str | None, "note": str}


def add_to(commands: Any) -> None:
    """Add the commands."""
    group = commands.add_parser("token", help="create, list and revoke API tokens")
    verbs = group.add_subparsers(title="verbs", metavar="VERB", required=True)
    create = verbs.add_parser("create", help="make a token; its secret is printed once, alone on stdout")
    data.add_place(create)
    create.add_argument("--person", metavar="NAME", help="whose rights it carries: an id of people.yaml (default: you)")
    create.add_argument("--role", choices=[str(r) for r in Role], default=str(Role.ADMIN), help="at most this role")
    several: dict[str, Any] = {"action": "append", "default": []}
    create.add_argument("--registry", **several, type=values.registry, help="only in this registry; repeatable")
    create.add_argument("--project", **several, type=values.glob, metavar="GLOB", help="only these; repeatable")
    create.add_argument("--expires", type=values.span, metavar="SPAN", help="such as 12h or 90d (default: never)")
    create.add_argument("--note", default="", help="what it is for")
    create.add_argument("--json", action="store_true")
    create.set_defaults(run=run_create)
    listing = verbs.add_parser("list", help="list tokens, newest first; never their secrets")
    data.add_place(listing)
    listing.add_argument("--person", metavar="NAME", help="only this owner's; over --url, those of others for admins")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=run_list)
    revoke = verbs.add_parser("revoke", help="end a token at once, everywhere")
    data.add_place(revoke)
    revoke.add_argument("id", help="the ten characters after wb_")
    revoke.set_defaults(run=run_revoke)


def run_create(options: argparse.Namespace) -> int:
    """Make a token."""
    expires = datetime.now(UTC) + options.expires if options.expires else None
    projects, registries = tuple(options.project), tuple(options.registry)
    if options.data:
        if not options.person:
            raise Invalid("--person: say whose token it is; 'people.yaml' has the names")
        scope = Scope(Role.named(options.role), registries, projects)
        installation = data.open_installation(options.data)
        issued = tokens.create(installation, None, options.person, scope=scope, expires=expires, note=options.note)
        answer: dict[str, Any] = {"secret": issued.secret, **token_json(issued.token)}
    else:
        wanted = {
            "owner": options.person,
            "role": options.role,
            "registries": registries,
            "projects": projects,
            "expires": timestamp(expires) if expires else None,
            "note": options.note,
        }
        answer = remote.Server(options.url).ask("POST", "tokens", body=wanted, shape=_MADE)
    print(json.dumps(answer) if options.json else shown(answer["secret"]))
    limits = [*answer["registries"], *answer["projects"]]
    where = f", only on {', '.join(limits)}" if limits else ""
    say = f"Token {answer['id']} gives what {answer['owner']} may do, at most as {answer['role']}{where}; "
    say += f"it expires {answer['expires']}" if answer["expires"] else "it does not expire"
    print(shown(say), file=sys.stderr)
    return 0


def run_list(options: argparse.Namespace) -> int:
    """List tokens."""
    if options.data:
        found = [token_json(t) for t in tokens.every(data.open_installation(options.data).view().index)]
    else:
        found = remote.Server(options.url).ask("GET", "tokens", {"owner": options.person}, shape={"tokens": [_LISTED]})[
            "tokens"
        ]
    found = [t for t in found if options.person in {None, t["owner"]}]
    if options.json:
        print(json.dumps(found))
        return 0
    for token in found:
        state = f"revoked {token['revoked']}" if token["revoked"] else f"expires {token['expires'] or 'never'}"
        limits = [*token["registries"], *token["projects"]]
        where = f" on {', '.join(limits)}" if limits else ""
        print(shown(f"{token['id']}  {token['owner']}  {token['role']}{where}  {state}  {token['note']}").rstrip())
    return 0


def run_revoke(options: argparse.Namespace) -> int:
    """End a token."""
    if options.data:
        token = token_json(tokens.revoke(data.open_installation(options.data), None, options.id))
    else:
        token = remote.Server(options.url).ask("DELETE", f"tokens/{options.id}", shape=_ENDED)
    print(shown(f"Token {token['id']} of {token['owner']} is revoked"), file=sys.stderr)
    return 0
