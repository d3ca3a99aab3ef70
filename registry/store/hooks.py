"""What git runs when somebody pushes: nothing moves a branch but a change that was looked at."""

import os
import sys
from pathlib import Path

from registry.durable import make_folders, sync_folder, write_file

# Environment variables that a server gives to the hooks of a push.
PYTHON = "WAYBILL_PYTHON"  # what they run in
TOKEN = "WAYBILL_TOKEN_ID"  # noqa: S105 - the public part, by which the ledger knows the token and whose it is
PAGES = "WAYBILL_PAGES"  # where people look at changes
_MODES = ("pre-receive", "post-receive")
# A push by path, on the host, has no server behind it; it takes the Python that put the hook here.
_HOOK = """\
#!/bin/sh
# Written by Waybill, and written again when it is served.
python="${{{variable}:-{python}}}"
if ! [ -x "$python" ]; then
    echo "waybill: $python is gone, so nobody can look at this push; run 'waybill serve' once, then push again" >&2
    exit 1
fi
ulimit -S -v unlimited 2>/dev/null  # what git may need was bounded, and this reads what is there already
exec "$python" -P -m registry hook {mode}
"""


def put(path: Path) -> None:
    """Put our hooks into a git repository, in place of what earlier versions wrote there.

    Args:
        path: the bare git repository.
    """
    folder = path / "hooks"
    make_folders(folder)
    changed = False
    for mode in _MODES:
        text = _HOOK.format(variable=PYTHON, python=sys.executable, mode=mode).encode()
        hook = folder / mode
        if not ready(hook) or hook.read_bytes() != text:
            write_file(hook, text, mode=0o755)
            changed = True
    old = folder / "update"
    if old.exists():
        old.unlink()
        changed = True
    if changed:
        sync_folder(folder)


def missing(path: Path) -> str | None:
    """Name a hook that git would not run, so that nothing is let in behind its back; None where all would be."""
    return next((mode for mode in _MODES if not ready(path / "hooks" / mode)), None)


def ready(hook: Path) -> bool:
    """Tell whether git would run a hook; on a disk mounted without the right to execute, it would not."""
    return os.access(hook, os.X_OK)
