"""The folder `waybill serve` needs and nothing else: making it, and opening it."""

import argparse
import re
import time
from pathlib import Path

from registry.blobs.local import LocalBlobs
from registry.cli import values
from registry.errors import Conflict, Invalid, NotFound
from registry.installation import Installation
from registry.policy.policy import Policy
from registry.records import ATTRIBUTES
from registry.store import LEDGER, POLICY, NewCommit, Signature
from registry.store.git import GitStore

GIT_FOLDER = "waybill.git"
OPERATOR = Signature("operator", "operator@waybill.invalid")

_ORGANIZATION = """\
organization: {organization}
# url: https://packages.{organization}.example   # public address, once there is one
admins: [{admin}]
review:
  # How many people must approve a policy change besides its author. The server does not review changes yet:
  # until it does, whoever may push branch main decides alone, so give that right to admins only.
  approvals: 0
"""
_PEOPLE = """\
# Everybody who may hold a token. Services are written like this:  deploy-bot: {{service: true, owner: {admin}}}
{admin}: {{}}
"""
_REGISTRY = """\
kind: source
visibility: private      # private | internal (any signed-in person) | public (no credentials to read)
projects: open           # open: the first upload may create a project · declared: a file in projects/ names it first
grants:
  - role: read
    to: [everyone]
"""
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def git_folder(folder: Path) -> Path:
    """Tell where in a data folder the git repository lies."""
    return folder / GIT_FOLDER


def create(folder: Path, organization: str, admin: str) -> Installation:
    """Make a data folder with one registry `python` and one admin.

    Args:
        folder: where; it may exist if it is empty.
        organization: its short name.
        admin: id of the first person.

    Raises:
        Conflict: something is in the folder.
        Invalid: a name cannot be used.
    """
    for what, name in (("organization", organization), ("admin", admin)):
        if not _ID.fullmatch(name):
            raise Invalid(f"--{what}: {name!a} cannot be used; write 1-64 lower-case letters, digits, '.', '_' or '-'")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is not an empty folder; name a new one")
    store = GitStore.create(git_folder(folder))
    now = int(time.time())
    policy = {
        "waybill.yaml": _ORGANIZATION.format(organization=organization, admin=admin).encode(),
        "people.yaml": _PEOPLE.format(admin=admin).encode(),
        "registries/python/registry.yaml": _REGISTRY.encode(),
    }
    message = "Begin the policy\n\nMade by 'waybill init'. From here on, change it by reviewed commits.\n"
    store.append(POLICY, None, [NewCommit(policy, message, OPERATOR, OPERATOR, now)])
    begin = NewCommit(
        {".gitattributes": ATTRIBUTES}, "begin: ledger\n\nWaybill-Event: begin\n", OPERATOR, OPERATOR, now
    )
    store.append(LEDGER, None, [begin])
    problems = Policy(store.head(POLICY)).problems()
    if problems:
        raise Invalid("\n".join(map(str, problems)))
    return open_installation(folder)


def open_installation(folder: Path) -> Installation:
    """Open a data folder.

    Raises:
        NotFound: there is no installation in it.
    """
    path = git_folder(folder)
    if not (path / "HEAD").exists():
        free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        repair = f"make one with 'waybill init {folder}'" if free else f"it has no {GIT_FOLDER} in it"
        raise NotFound(f"{folder} holds no installation; {repair}")
    return Installation(GitStore(path), LocalBlobs(path / "lfs"))


def add_place(parser: argparse.ArgumentParser) -> None:
    """Let a command say which installation it means: `--data` on the host, `--url` from elsewhere."""
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--data", type=Path, metavar="DIR", help="the installation's folder, on the host itself")
    place.add_argument("--url", type=values.server, help="a server's address; WAYBILL_TOKEN says who you are")
