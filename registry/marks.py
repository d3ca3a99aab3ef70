"""What a commit says, in a few bytes: what the trail keeps of it, and looks for."""

import hashlib
import struct
from collections.abc import Mapping

from packaging.utils import canonicalize_version

from registry.records import read_message
from registry.store import Commit

_FACTS = ("release", "project", "pipeline", "repository", "registry")
WIDTHS = {"commit": 20, "time": 8, **dict.fromkeys(_FACTS, 8)}  # bytes
NOT_SAID = bytes(8)


def of_commit(commit: Commit) -> dict[str, bytes]:
    """Keep what a commit can be found by."""
    _, facts = read_message(commit.message)
    return {"commit": bytes.fromhex(commit.id), "time": struct.pack(">q", commit.time), **of_facts(facts)}


def of_facts(facts: Mapping[str, str]) -> dict[str, bytes]:
    """Shorten facts to marks; what is asked for in several spellings has the same mark in each.

    Args:
        facts: by trailer, as a commit states them or as they are looked for.
    """
    project, version, repository = facts.get("Project"), facts.get("Version"), facts.get("Repository")
    said = {
        "release": f"{project}=={canonicalize_version(version)}" if project and version else None,
        "project": project,
        "pipeline": facts.get("Pipeline"),
        "repository": repository.rpartition("/")[2] if repository is not None else None,  # people name its end
        "registry": facts.get("Registry"),
    }
    return {name: NOT_SAID if s is None else hashlib.sha256(s.encode()).digest()[:8] for name, s in said.items()}
