"""What a pipeline, a commit or a git repository published, as releases: what is yanked if it was not sound.

Of a pipeline that is also what it promoted, where it promoted it to: in the registry that it came from, others vouch
for it. What it yanked, deleted or restored it did not make.
"""

from dataclasses import dataclass

from registry import audit
from registry.errors import Invalid
from registry.index import Index
from registry.installation import Installation
from registry.model import Event, File, Yank
from registry.names import ProjectName, RegistryName, version_order
from registry.store import LEDGER
from registry.wanted import Wanted

MOST_FILES = 10_000
_MADE = {"publish", "promote"}  # whoever deletes or restores a file did not make it


@dataclass(frozen=True, slots=True)
class Recall:
    """One release that is still offered, and what of it was published like that."""

    registry: RegistryName
    project: ProjectName
    version: str
    files: tuple[str, ...]
    others: tuple[str, ...]  # files of the same release with another origin, which a yank reaches too
    yank: Yank | None  # how it is now


def recalled(installation: Installation, wanted: Wanted) -> list[Recall]:
    """Find the releases whose files were published as asked for, and are still there.

    Args:
        installation: where.
        wanted: by which pipeline, from which commit or git repository; when.

    Raises:
        Invalid: none of these is named, or too much fits.
    """
    if wanted.pipeline is None and wanted.commit is None and wanted.repository is None:
        raise Invalid("Say whose releases: name a pipeline, a commit or a git repository")
    found: dict[tuple[RegistryName, ProjectName, str], dict[str, str]] = {}
    events = (e for e in audit.log(installation, wanted) if e.facts.get("Waybill-Event") in _MADE)
    for number, event in enumerate(events):
        if number == MOST_FILES:
            raise Invalid(f"More than {MOST_FILES:,} files fit; narrow it down by project, --since and --until")
        facts = event.facts
        release = RegistryName(facts["Registry"]), ProjectName(facts["Project"]), facts["Version"]
        found.setdefault(release, {}).setdefault(facts["File"], facts["Digest"])
    index = Index(installation.head(LEDGER))
    ordered = sorted(found, key=lambda release: (*release[:2], version_order(release[2])))
    recalls = (_recall(index, wanted, *release, found[release]) for release in ordered)
    return [recall for recall in recalls if recall.files]


def _recall(
    index: Index, wanted: Wanted, registry: RegistryName, project: ProjectName, version: str, made: dict[str, str]
) -> Recall:
    """Look at a release as it is now; a name may have been deleted, and used again for something else."""
    release = index.release(registry, project, version)
    same = [f for f in release.live if made.get(f.filename) == f"sha256:{f.sha256}"]
    files = [f.filename for f in same if _is_still(registry, f, wanted)]
    others = [f.filename for f in release.live if f.filename not in files]
    return Recall(registry, project, version, tuple(files), tuple(others), release.yank)


def _is_still(registry: RegistryName, file: File, wanted: Wanted) -> bool:
    """Tell whether a file still comes from there: the same bytes, others may have published or promoted again since."""
    facts = {"Registry": registry, "Project": file.dist.project, "Version": file.dist.version, **file.origin.verified}
    facts |= {f"Resolved-{name}": value for name, value in file.origin.resolved.items()}
    facts |= {f"Declared-{name}": value for name, value in file.origin.declared.items()}
    if file.promoted and (run := file.promoted.by.verified.get("Pipeline")):
        facts["Promoter-Pipeline"] = run
    return wanted.matches(Event("", file.uploaded, "", "", facts))
