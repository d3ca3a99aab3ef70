"""Objects taken out of their packs, so that a test can damage one of them."""

import subprocess
from pathlib import Path


def loosen(git: Path) -> None:
    """Turn every packed object into a loose one, with C git."""
    for pack in (git / "objects" / "pack").glob("*.pack"):
        aside = git / pack.name
        pack.rename(aside)
        pack.with_suffix(".idx").unlink()
        with aside.open("rb") as stream:
            subprocess.run(["git", "-C", git, "unpack-objects", "-q"], stdin=stream, check=True, timeout=60)
        aside.unlink()


def loose(git: Path, object_id: str) -> Path:
    """Find a loose object, ready to be damaged."""
    path = git / "objects" / object_id[:2] / object_id[2:]
    path.chmod(0o644)
    return path


def packs(git: Path) -> list[Path]:
    """List the packs, ready to be damaged."""
    found = sorted((git / "objects" / "pack").glob("*.pack"))
    for pack in found:
        pack.chmod(0o644)
        pack.with_suffix(".idx").chmod(0o644)
    return found
