"""What the authorisation matrix asks about: people, tokens, registries, states, and an installation that has all."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry import credentials, tokens
from registry.index import project_folder
from registry.model import Status, UploadToken
from registry.names import ProjectName, RegistryName
from registry.policy.roles import Role, Scope
from registry.records import project_record
from registry.store import CHANGES
from tests.archives import wheel
from tests.registry.web.browser import Browser, signed_in
from tests.registry.web.proposals import propose
from tests.registry.web.site import Site, new_site

WHERE = ("private", "internal", "public")
PEOPLE = ("bystander", "reader", "publisher", "writer", "owner", "admin", "auditor")
NOBODY, WRONG, PIPELINE = "nobody", "wrong token", "pipeline"
WHOLE = "whole"
SCOPES = {
    "reads only": Scope(Role.READ),
    "publishes only": Scope(Role.PUBLISH),
    "these registries": Scope(Role.ADMIN, WHERE),
    "another registry": Scope(Role.ADMIN, ("elsewhere",)),
    "this project": Scope(Role.ADMIN, (), ("*thing",)),
    "another project": Scope(Role.ADMIN, (), ("nothing-*",)),
}
ACTIVE = "active"
# States of the policy, each a commit; "broken" is a file that cannot be read.
POLICIES = (
    "frozen", "all frozen", "disabled", "broken registry", "broken project", "broken people", "broken organization",
)  # fmt: skip
TOKENS = ("expired", "revoked")
PROJECTS = {"archived": Status.ARCHIVED, "quarantined": Status.QUARANTINED}

_ISSUER = "https://ci.acme.example"
_ORGANIZATION = f"""\
organization: acme
audience: acme
admins: [admin]
auditors: [auditor]
review: {{approvals: 2}}
issuers: {{other: [{_ISSUER}]}}
"""
_ACCOUNTS = (*PEOPLE, "alice", "victim")
_ROLES = {"reader": "read", "publisher": "publish", "writer": "write", "owner": "admin"}
_CLAIMS = {"iss": _ISSUER, "sub": "job", "aud": "acme"}


@dataclass(frozen=True)
class Cell:
    """Who asks for something of which registry, with what token, in which state."""

    who: str
    where: str
    scope: str = WHOLE
    state: str = ACTIVE


def cells(states: tuple[str, ...], *, every: bool = False) -> Iterator[Cell]:
    """List the cells of some states.

    Args:
        states: which.
        every: also limited tokens in every state and registry, not only where nothing else is in the way.
    """
    for where in WHERE:
        for who in (NOBODY, WRONG, *PEOPLE, PIPELINE):
            for state in states:
                if not (who in (NOBODY, WRONG) and state in TOKENS):
                    yield Cell(who, where, state=state)
                if who in PEOPLE and state not in TOKENS and (every or (state == ACTIVE and where != "internal")):
                    yield from (Cell(who, where, scope, state) for scope in SCOPES)


@dataclass
class World:
    """The installation."""

    site: Site
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)  # by who, and scope or state of the token
    browsers: dict[tuple[str, str], Browser] = field(default_factory=dict)
    victim: str = ""  # id of somebody's token
    numbers: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # by registry and project, as GitLab

    def policy(self, state: str) -> None:
        """Put the policy into a state."""
        broken = "nonsense: true\n"
        frozen = "frozen: true\n"
        grants = "".join(f"- {{role: {role}, to: [{who}]}}\n" for who, role in _ROLES.items())
        trusted = f"publishers:\n- {{issuer: {_ISSUER}, claims: {{sub: job}}}}\n"
        disabled = "{disabled: true}" if state == "disabled" else "{}"
        people = broken if state == "broken people" else "".join(f"{who}: {disabled}\n" for who in _ACCOUNTS)
        files = {
            "waybill": _ORGANIZATION + {"all frozen": frozen, "broken organization": broken}.get(state, ""),
            "people": people,
            "registries__elsewhere__registry": "{}\n",
        }
        for where in WHERE:
            more = {"frozen": frozen, "broken registry": broken}.get(state, "")
            files[f"registries__{where}__registry"] = (
                f"visibility: {where}\nprojects: open\ngrants:\n{grants}{trusted}{more}"
            )
            files[f"registries__{where}__projects__thing"] = broken if state == "broken project" else "{}\n"
        self.site.policy(**files)

    def propose(self) -> None:
        """Let a change wait, unless one does."""
        if not self.site.installation.store.branches(CHANGES):
            self.site.secrets["admin"] = self.secrets["admin", WHOLE]
            new_team = {"teams/new.yaml": f"members: [reader]\nmaintainers: [admin] # {self.site.head()}\n"}
            propose(self.site, "add", new_team, "admin")

    def secret(self, cell: Cell) -> str | None:
        """Give the token of a cell."""
        if cell.who == NOBODY:
            return None
        kind = cell.state if cell.state in TOKENS else cell.scope
        return credentials.new_secret()[1] if cell.who == WRONG else self.secrets[cell.who, kind]

    def browser(self, cell: Cell) -> Browser | None:
        """Give the browser of somebody who once signed in by the token of a cell; with a limited one nobody can."""
        return self.browsers.get((cell.who, cell.state if cell.state in TOKENS else cell.scope))

    def project(self, cell: Cell) -> str:
        return f"{cell.state}-thing" if cell.state in PROJECTS else "thing"

    def named(self, cell: Cell) -> dict[str, str]:
        """Give what the paths of routes name."""
        filename, data = wheel(self.project(cell), "1.0")
        return {
            "registry": cell.where,
            "project": self.project(cell),
            "version": "1.0",
            "filename": filename,
            "sha256": hashlib.sha256(data).hexdigest(),
            "organization": "acme",
            "name": "add",
            "token_id": self.victim,
            "kind": "people",
            "revision": self.site.head(),
            "other": "x",
            **dict.fromkeys(("slug", "key", "workspace"), cell.where),  # what other systems call a registry
            "discover": f"https://packages.acme.example/{cell.where}/",
            "service": "git-upload-pack",
        }


def new_world(folder: Path) -> World:
    """Make an installation, everybody's tokens, files in every registry, and a change that waits."""
    site = new_site(folder / "data")
    world = World(site)
    site.policy(people="".join(f"{who}: {{}}\n" for who in _ACCOUNTS), waybill="organization: acme\nadmins: [alice]\n")
    world.policy(ACTIVE)
    for who in PEOPLE:
        for name, scope in {WHOLE: Scope(), **SCOPES, **dict.fromkeys(TOKENS, Scope())}.items():
            world.secrets[who, name] = site.limited(who, scope)
        for name in (WHOLE, *TOKENS):
            site.secrets[who] = world.secrets[who, name]
            world.browsers[who, name] = signed_in(site, who)
    world.victim = site.limited("victim", Scope()).split("_")[1]
    for kind in (WHOLE, *TOKENS):
        world.secrets[PIPELINE, kind] = _upload_token(site, kind)
    _publish(world)
    world.propose()
    past = datetime.now(UTC) - timedelta(days=1)
    for who in PEOPLE:
        site.expire(world.secrets[who, "expired"], past)
        tokens.revoke(site.installation, None, world.secrets[who, "revoked"].split("_")[1])
    return world


def _publish(world: World) -> None:
    """Put the projects into every registry, one release of each yanked."""
    site = world.site
    site.secrets["owner"] = world.secrets["owner", WHOLE]
    for where in WHERE:
        names = ("thing", *(f"{state}-thing" for state in PROJECTS))
        for name in names:
            for version in ("1.0", "2.0"):
                answer = site.publish(wheel(name, version), f"/{where}/", "owner")
                assert answer.status_code == 200, answer.text
            path = f"/-/api/v1/registries/{where}/projects/{name}/releases/2.0/yank"
            assert site.ask(path, "owner", method="PUT", data=b'{"reason": "old"}').status_code == 200
        world.numbers |= {(where, name): _numbers(site, where, name) for name in names}
        for state, status in PROJECTS.items():
            name = ProjectName(f"{state}-thing")
            record = project_record(name, by="owner", at=datetime.now(UTC), status=status, reason="so")
            site.ledger({f"{project_folder(RegistryName(where), name)}/project.json": record})


def _numbers(site: Site, where: str, name: str) -> tuple[str, str]:
    """Give the numbers that GitLab's API has for release 1.0 of a project, and its file."""
    base, query = f"/api/v4/projects/{where}/packages", {"package_name": name, "package_version": "1.0"}
    found = {one["name"]: one["id"] for one in site.ask(base, "owner", query=query).get_json()}
    [file] = site.ask(f"{base}/{found[name]}/package_files", "owner").get_json()
    return str(found[name]), str(file["id"])


def _upload_token(site: Site, kind: str) -> str:
    """Make what the claims of a pipeline would have been exchanged for."""
    token_id, secret = credentials.new_secret()
    now = datetime.now(UTC)
    until = now - timedelta(minutes=1) if kind == "expired" else now + timedelta(hours=1)
    places = tuple((where, None) for where in WHERE)
    token = UploadToken(token_id, credentials.digest(secret), until, "ci", _CLAIMS, places, {"Issuer": _ISSUER}, {})
    assert site.installation.state.exchange(f"job {kind}", now + timedelta(hours=2), token, now - timedelta(hours=1))
    if kind == "revoked":
        site.installation.state.burn(token_id)
    return secret
