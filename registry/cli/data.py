"""The folder `waybill serve` needs and nothing else: making it, and opening it."""

import argparse
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.blobs.local import FREE_RESERVE, LocalBlobs
from registry.cli import values
from registry.cli.rules import Rules
from registry.durable import make_folders, sync_folder
from registry.errors import Conflict, Invalid, NotFound, Unavailable
from registry.following import Following
from registry.installation import Installation
from registry.policy import parse
from registry.policy.files import BadFile
from registry.records import ATTRIBUTES
from registry.store import LEDGER, POLICY, NewCommit, Signature
from registry.store.git import GitStore

GIT_FOLDER = "waybill.git"
TRAIL = "trail.sqlite"  # made again where it is missing
OPERATOR = Signature("operator", "operator@waybill.invalid")

_DRAFT = "waybill.git.unfinished"
_PRIVATE = 0o700  # who may read a private package, only the registry decides
_ORGANIZATION = """\
organization: {organization}
# url: https://packages.{organization}.example   # public address, once there is one
admins: [{admin}]
review:
  # How many people must approve a change besides its author. With 0, a change by somebody who owns all that it
  # touches merges as it is pushed; raise it as soon as there are two of you.
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


def cache_folder(folder: Path) -> Path:
    """Tell where in a data folder copies of rendered pages lie; it may be deleted at any time."""
    return folder / "cache" / "pages"


def sessions_file(folder: Path) -> Path:
    """Tell where in a data folder the sessions of browsers lie; it may be deleted, and people sign in again."""
    return folder / "sessions.sqlite"


def following(folder: Path) -> Following:
    """Tell where branch `main` of a data folder comes from."""
    return Following(folder / "policy-remote.json")


def is_free(folder: Path) -> bool:
    """Tell whether an installation may be made there: nothing is, or only what a killed attempt left."""
    return not folder.exists() or (folder.is_dir() and all(path.name == _DRAFT for path in folder.iterdir()))


def create(folder: Path, organization: str, admin: str) -> Installation:
    """Make a data folder, and nothing else in the same step (see `making`)."""
    with making(folder, organization, admin):
        pass
    return open_installation(folder)


@contextmanager
def making(folder: Path, organization: str, admin: str) -> Iterator[Installation]:
    """Make a data folder with one registry `python` and one admin; a failure, the block's included, leaves nothing.

    Args:
        folder: where; it may exist if it is empty. Only its owner may enter it afterwards.
        organization: its short name.
        admin: id of the first person.

    Yields:
        The installation, for what belongs to its beginning; after the block, open it where it then is.

    Raises:
        Conflict: something is in the folder, or is being made there.
        Invalid: a name cannot be used.
        Unavailable: the disk is full.
    """
    policy = _first_policy(organization, admin)
    with _put_in_place(folder) as draft:
        if shutil.disk_usage(draft).free < FREE_RESERVE:  # nor would an upload be taken
            raise Unavailable(
                f"The disk of {folder} has less than {FREE_RESERVE // 2**20} MiB left; "
                "free some space, or name a folder on another disk"
            )
        store = GitStore.create(draft)
        now = int(time.time())
        message = "Begin the policy\n\nMade by 'waybill init'. From here on, change it by reviewed commits.\n"
        store.append(POLICY, None, [NewCommit(policy, message, OPERATOR, OPERATOR, now)])
        message = "begin: ledger\n\nWaybill-Event: begin\n"
        store.append(LEDGER, None, [NewCommit({".gitattributes": ATTRIBUTES}, message, OPERATOR, OPERATOR, now)])
        yield Installation(store, LocalBlobs(draft / "lfs"))


def open_installation(folder: Path, store: GitStore | None = None, own: str | None = None) -> Installation:
    """Open a data folder.

    Args:
        folder: which.
        store: its git repository, where it is open already.
        own: the interpreter for the organization's own rules; None: uploads are not asked by them.

    Raises:
        NotFound: there is no installation in it.
    """
    path = git_folder(folder)
    if not (path / "HEAD").exists():
        repair = f"make one with 'waybill init {folder}'" if is_free(folder) else f"it has no {GIT_FOLDER} in it"
        raise NotFound(f"{folder} holds no installation; {repair}")
    where = store or GitStore(path), LocalBlobs(path / "lfs"), folder / TRAIL, following(folder)
    return Installation(*where, Rules(own))


def add_place(parser: argparse.ArgumentParser) -> None:
    """Let a command say which installation it means: `--data` on the host, `--url` from elsewhere."""
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--data", type=Path, metavar="DIR", help="the installation's folder, on the host itself")
    place.add_argument("--url", type=values.server, help="a server's address; WAYBILL_TOKEN says who you are")


def add_url(parser: argparse.ArgumentParser) -> None:
    """Let a command say which server it means, where the operator on the host has no say."""
    parser.add_argument("--url", type=values.server, required=True, help="its address; WAYBILL_TOKEN says who you are")


def _first_policy(organization: str, admin: str) -> dict[str, bytes]:
    """Write the policy a new installation begins with, sure that it can be read."""
    for option, name in (("organization", organization), ("admin", admin)):
        if not _ID.fullmatch(name):
            repair = "write 1-64 lower-case letters, digits, '.', '_' or '-'"
            raise Invalid(f"--{option}: {name!a} cannot be used; {repair}")
    people = _PEOPLE.format(admin=admin).encode()
    whole = _ORGANIZATION.format(organization=organization, admin=admin).encode()
    option, name = "admin", admin
    try:
        parse.people(people, "people.yaml")
        option, name = "organization", organization
        parse.organization(whole, "waybill.yaml")
    except BadFile as bad:
        why = bad.problems[0].text.partition(";")[0]
        raise Invalid(f"--{option}: {name!a} cannot be used: {why}; choose another name") from None
    return {"waybill.yaml": whole, "people.yaml": people, "registries/python/registry.yaml": _REGISTRY.encode()}


@contextmanager
def _put_in_place(folder: Path) -> Iterator[Path]:
    """Give a draft of the git repository to fill, and name it as the real one when it is whole.

    The draft is inside the folder, which may be a disk of its own, or all that a service may write to.
    """
    if not is_free(folder):
        raise _occupied(folder)
    made, draft = not folder.exists(), folder / _DRAFT
    make_folders(folder)
    with suppress(PermissionError):  # a folder of somebody else, lent to us; the git repository is closed in any case
        folder.chmod(_PRIVATE)
    with _alone(folder):
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(_PRIVATE)
            yield draft
            draft.rename(git_folder(folder))
            sync_folder(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            if made:
                with suppress(OSError):  # somebody else has put something in
                    folder.rmdir()
            raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other commands from making the same folder; the kernel lets go of it when we are killed."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"Another command is making an installation in {folder} now; use that one") from None
        if not is_free(folder):  # any more
            raise _occupied(folder)
        yield
    finally:
        os.close(fd)


def _occupied(folder: Path) -> Conflict:
    if git_folder(folder).exists():
        return Conflict(f"{folder} holds an installation already; 'waybill token create' makes a token for it")
    return Conflict(f"{folder} is not an empty folder; name a new one")
