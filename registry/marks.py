"""What a commit says, in a few bytes: what the trail keeps of it, and looks for."""

import hashlib
import re
import struct
from collections.abc import Mapping

from packaging.utils import canonicalize_version

from registry.errors import Invalid
from registry.records import read_message
from registry.store import Commit

# Whoever changes what is kept gives `strips._FORMAT` another number, so that what was kept before is made again.
_FACTS = ("release", "project", "pipeline", "promoter", "repository", "registry", "source", "principal")
WIDTHS = {"commit": 20, "time": 8, **dict.fromkeys(_FACTS, 8)}  # bytes
NOT_SAID = bytes(8)
PLACES = {"pipeline": ("pipeline", "promoter")}  # a run did what it published, and what it promoted
SHORTEST_COMMIT = 7  # hex digits by which a commit is asked for
_COMMIT = re.compile(f"[0-9a-f]{{{SHORTEST_COMMIT},64}}")
_ATTEMPT = re.compile(r"/attempts/[0-9]+/?$")


def of_commit(commit: Commit) -> dict[str, bytes]:
    """Keep what a commit can be found by."""
    _, facts = read_message(commit.message)
    return {"commit": bytes.fromhex(commit.id), "time": struct.pack(">q", commit.time), **of_facts(facts)}


def run_of(pipeline: str) -> str:
    """Name a pipeline without the attempt: that of a run which was repeated is the same, as people see its address."""
    return _ATTEMPT.sub("", pipeline).rstrip("/")


def of_facts(facts: Mapping[str, str]) -> dict[str, bytes]:
    """Shorten facts to marks; what is asked for in several spellings has the same mark in each.

    Args:
        facts: by trailer, as a commit states them or as they are looked for.
    """
    project, version, repository = facts.get("Project"), facts.get("Version"), facts.get("Repository")
    pipeline, promoter, source = facts.get("Pipeline"), facts.get("Promoter-Pipeline"), facts.get("Commit")
    said = {
        "release": f"{project}=={canonicalize_version(version)}" if project and version else None,
        "project": project,
        "pipeline": run_of(pipeline) if pipeline is not None else None,
        "promoter": run_of(promoter) if promoter is not None else None,
        "repository": repository.rpartition("/")[2] if repository is not None else None,  # people name its end
        "registry": facts.get("Registry"),
        "principal": facts.get("Principal"),
        "source": source[:SHORTEST_COMMIT].lower() if source is not None else None,
    }
    return {name: NOT_SAID if s is None else hashlib.sha256(s.encode()).digest()[:8] for name, s in said.items()}


def source_commit(raw: str) -> str:
    """Check the id of a commit of somebody's sources, or the beginning of one.

    Raises:
        Invalid: it is none.
    """
    if not _COMMIT.fullmatch(raw.lower()):
        raise Invalid(f"commit: {raw[:80]!a} is not a commit id; send its first {SHORTEST_COMMIT} hex digits, or more")
    return raw.lower()
