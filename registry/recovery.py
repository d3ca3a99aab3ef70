"""What happens before anything is served: leftovers of killed processes are removed, and the newest facts are read.

Whatever a crash leaves is put right without a hand; what would mean serving around lost data stops the start.
"""

from pathlib import Path

from registry.blobs.local import LocalBlobs
from registry.errors import NotFound, Unavailable
from registry.records import read_file_record
from registry.store import LEDGER, POLICY
from registry.store.git import GitStore
from registry.store.recovery import newest_files, repair

_RECORDS = (".whl.json", ".tar.gz.json")


def recover(path: Path) -> list[str]:
    """Bring an installation back to a state that can be served.

    Args:
        path: the bare git repository, with the artifacts in its folder `lfs`.

    Returns:
        What was put right, for the log.

    Raises:
        Unavailable: something that is needed cannot be read; serving would hide the damage.
    """
    if not (path / "HEAD").exists():
        return []
    store, blobs = GitStore(path), LocalBlobs(path / "lfs")
    with store.lock():
        try:
            done = repair(path, store)
            newest_files(store, POLICY)
            _check_artifacts(store, blobs)
            abandoned = blobs.sweep()
        except (Unavailable, NotFound) as error:
            raise Unavailable(
                f"{path} is damaged: {str(error).rstrip('.')}. Nothing is served. Restore it from a clone or a backup, "
                "then start again; 'git fsck --full' and 'git lfs fsck' list all that is damaged"
            ) from error
        except OSError as error:
            raise Unavailable(f"{error.filename} cannot be put right: {error.strerror}. Nothing is served") from error
    return [*done, f"Removed {abandoned} unfinished uploads of killed processes"] if abandoned else done


def _check_artifacts(store: GitStore, blobs: LocalBlobs) -> None:
    """Look for the artifact of each file that the newest commits touched and that is still offered."""
    head = store.head(LEDGER)
    for name in newest_files(store, LEDGER):
        record = head.read(name) if name.endswith(_RECORDS) else None
        file = read_file_record(record) if record else None
        if file and not file.deleted and blobs.size(file.sha256) != file.size:
            found = blobs.size(file.sha256)
            state = "is not there" if found is None else f"has {found} instead of {file.size} bytes"
            raise Unavailable(f"The artifact of {file.filename}, sha256 {file.sha256}, {state}")
