"""The folder `waybill serve` needs and nothing else: making it, and opening it."""

import argparse
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from registry.attestations import Sigstore
from registry.blobs.local import FREE_RESERVE, LocalBlobs
from registry.cli import values
from registry.cli.beginning import first_policy
from registry.cli.rules import Rules
from registry.downloads import Downloads
from registry.durable import make_folders, sync_folder
from registry.errors import Conflict, NotFound, Unavailable
from registry.finder import Finder
from registry.following import Following
from registry.installation import Installation
from registry.looks import Looks
from registry.records import ATTRIBUTES
from registry.state import State
from registry.store import LEDGER, POLICY, NewCommit, Signature
from registry.store.git import GitStore

GIT_FOLDER = "waybill.git"
DOWNLOADS = "downloads.sqlite"  # made again, but what it counted is lost
FINDER = "finder.sqlite"  # made again where it is missing, like the next two
LOOKS = "looks.sqlite"
TRAIL = "trail.sqlite"  # made again where it is missing
STATE = "state.sqlite"  # made again too, but what it knew is lost
OPERATOR = Signature("operator", "operator@waybill.invalid")
_DRAFT = "waybill.git.unfinished"
_PRIVATE = 0o700  # who may read a private package, only the registry decides


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
    """Tell whether an installation may be made there: nothing is, or only what a killed attempt left, or a lost one."""
    return not folder.exists() or (
        folder.is_dir() and all(p.name.startswith((_DRAFT, STATE)) for p in folder.iterdir())
    )


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
    policy = first_policy(organization, admin)
    with _put_in_place(folder) as draft:
        if shutil.disk_usage(draft).free < FREE_RESERVE:  # nor would an upload be taken
            full = f"The disk of {folder} has less than {FREE_RESERVE // 2**20} MiB left"
            raise Unavailable(f"{full}; free some space, or name a folder on another disk")
        for left in folder.glob(f"{STATE}*"):  # what another installation knew
            left.unlink()
        store = GitStore.create(draft)
        now = int(time.time())
        message = "Begin the policy\n\nMade by 'waybill init'. From here on, change it by reviewed commits.\n"
        store.append(POLICY, None, [NewCommit(policy, message, OPERATOR, OPERATOR, now)])
        message = "begin: ledger\n\nWaybill-Event: begin\n"
        store.append(LEDGER, None, [NewCommit({".gitattributes": ATTRIBUTES}, message, OPERATOR, OPERATOR, now)])
        yield Installation(store, LocalBlobs(draft / "lfs"))
    with closing(State(folder / STATE)) as state:
        state.begin(at=0)  # nothing was ever used here


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
    blobs, state = LocalBlobs(path / "lfs"), State(folder / STATE)
    found, sigstore = store or GitStore(path), Sigstore(folder / "trusted_root.json")
    installation = Installation(
        found, blobs, folder / TRAIL, following=following(folder), state=state, sigstore=sigstore, checker=Rules(own)
    )
    installation.looks = Looks(blobs, folder / LOOKS)
    installation.finder = Finder(folder / FINDER)
    installation.downloads = Downloads(folder / DOWNLOADS)
    return installation


def add_place(parser: argparse.ArgumentParser) -> None:
    """Let a command say which installation it means: `--data` on the host, `--url` from elsewhere."""
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--data", type=Path, metavar="DIR", help="the installation's folder, on the host itself")
    place.add_argument("--url", type=values.server, help="a server's address; WAYBILL_TOKEN says who you are")


def add_url(parser: argparse.ArgumentParser) -> None:
    """Let a command say which server it means, where the operator on the host has no say."""
    parser.add_argument("--url", type=values.server, required=True, help="its address; WAYBILL_TOKEN says who you are")


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
