"""Changes that people pushed, put into an installation without a server; C git makes their commits."""

from collections.abc import Mapping
from pathlib import Path

from registry import changes, credentials
from registry.changes import Change
from registry.cli import data
from registry.policy.roles import Principal
from tests.registry.web.site import Site
from tests.running import run_git

TEAM = "teams/payments.yaml"
PROJECT = "registries/python/projects/payments-api.yaml"
REGISTRY = "registries/python/registry.yaml"
ADDS_BOB = {TEAM: "members: [carol, bob]\nmaintainers: [carol, dan]\n"}

PEOPLE = ("alice", "erin", "dave", "carol", "dan", "grace", "peter", "bob")

# alice and erin are admins, dave audits, carol and dan maintain a team, grace owns the registry, peter has a project.
POLICY = {
    "waybill.yaml": "organization: acme\nadmins: [alice, erin]\nauditors: [dave, audit-bot]\nreview: {approvals: 1}\n",
    "people.yaml": "".join(f"{name}: {{}}\n" for name in PEOPLE)
    + "deploy-bot: {service: true, owner: carol}\naudit-bot: {service: true, owner: dave}\n",
    TEAM: "members: [carol]\nmaintainers: [carol, dan]\n",
    REGISTRY: "owners: [grace]\nprojects: open\ngrants:\n- {role: publish, to: ['team:payments'], projects: [pay-*]}\n",
    PROJECT: "grants:\n- {role: admin, to: [peter]}\n",
}


def begin(site: Site, files: Mapping[str, str] = POLICY) -> None:
    """Put a policy on main, as it was before anybody reviewed."""
    site.policy(**{path.removesuffix(".yaml").replace("/", "__"): text for path, text in files.items()})


def principal(site: Site, person: str) -> Principal:
    """The person, through their unlimited token."""
    token = site.token(person).split("_")[1]
    view = site.installation.view()
    return credentials.by_id(view.index, token, view.now)


def propose(
    site: Site,
    name: str = "add-bob",
    files: Mapping[str, str | bytes | None] = ADDS_BOB,
    person: str = "alice",
    message: str = "Change the policy",
) -> Change:
    """Do what a push does: the commit arrives, is looked at, and its branch moves there."""
    bare = data.git_folder(site.folder)
    clone = _clone(site.folder.parent / f"clone-{name}", bare)
    for path, text in files.items():
        target = clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            target.unlink()
        else:
            target.write_bytes(text.encode() if isinstance(text, str) else text)
    run_git(clone, "add", "-A")
    run_git(clone, "-c", "user.name=x", "-c", "user.email=x@y.example", "commit", "-q", "--allow-empty", "-m", message)
    head = run_git(clone, "rev-parse", "HEAD").strip()
    run_git(bare, "fetch", "-q", str(clone), "HEAD")
    found = changes.propose(site.installation, principal(site, person), name, head)
    run_git(bare, "update-ref", f"refs/heads/change/{name}", head)
    return found


def _clone(folder: Path, bare: Path) -> Path:
    """Go on with a clone, or make it."""
    if not folder.exists():
        run_git(bare.parent, "clone", "-q", str(bare), str(folder))
    return folder
