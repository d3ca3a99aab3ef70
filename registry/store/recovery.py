"""What a crash can leave in a git repository, put right at start, before anything is served.

A reference moves only after its objects are flushed, so what is reachable is whole; what a crash leaves is unreachable
objects, empty or torn, and lock files that nobody would ever remove.
"""

from pathlib import Path

from registry.durable import Turn
from registry.errors import NotFound, Unavailable
from registry.store import LEDGER, POLICY
from registry.store.git import GitStore
from registry.store.loose import is_sound

CHECKED_COMMITS = 20  # newest of each branch whose files are read at start


def recover(path: Path) -> list[str]:
    """Bring a git repository back to a state that can be written.

    Args:
        path: the bare git repository.

    Returns:
        What was put right, for the log.

    Raises:
        Unavailable: something that is needed cannot be read; serving would hide the damage.
    """
    if not (path / "HEAD").exists():
        return []
    done: list[str] = []
    with Turn(path / "waybill.lock").held():
        for lock in [*path.glob("*.lock"), *(path / "refs").rglob("*.lock")]:
            if lock.name != "waybill.lock":
                lock.unlink()
                done.append(f"Removed {lock.relative_to(path)}, which a killed process left behind")
        for draft in (path / "objects").glob("[0-9a-f][0-9a-f]/tmp_*"):
            draft.unlink()
        torn = [p for p in (path / "objects").glob("[0-9a-f][0-9a-f]/*") if p.stat().st_size == 0]
        for loose in torn:
            loose.unlink()
            done.append(f"Removed {loose.relative_to(path)}, which is empty")
        _check_tips(path)
    return done


def _check_tips(path: Path) -> None:
    """Read what the newest commits changed; a needed object that is missing or damaged must not be served around."""
    store = GitStore(path)
    for branch in (POLICY, LEDGER):
        try:
            for number, commit in enumerate(store.history(store.head(branch))):
                if number >= CHECKED_COMMITS:
                    break
                _read_all(store, path, commit.id)
        except (NotFound, KeyError, OSError, ValueError) as error:
            raise Unavailable(
                f"Branch {branch} of {path} cannot be read ({error}). Nothing is served. Restore the git repository from a "
                "clone or backup, then start again; 'git fsck --full' lists what is damaged"
            ) from error


def _read_all(store: GitStore, path: Path, commit: str) -> None:
    loose = path / "objects" / commit[:2] / commit[2:]
    if loose.exists() and not is_sound(loose):
        raise ValueError(f"object {commit} is damaged")
    store.at(commit).entries("")
