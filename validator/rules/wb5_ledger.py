"""WB5: the books agree with themselves, and every decision in them can be made again."""

import hashlib
from typing import Any

from registry.index import Index, project_folder
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed
from registry.records import canonical, pointer
from validator import rule, skip
from validator.history import Recorded
from validator.materials.ledger import LedgerFile, Published, path_of
from validator.metadata import CoreMetadata

OF_FILES = ("publish", "promote", "restore", "delete")


@rule("WB501", on=["ledger"])
def record_is_canonical(record: LedgerFile) -> None:
    """Every record is written in the one way in which equal facts are equal bytes."""
    assert record.text == canonical(record.data), "keys, indentation or line end differ from what the server writes"


@rule("WB502", on=["ledger"])
def pointer_says_what_the_record_says(record: LedgerFile) -> None:
    """The LFS pointer, by which clones find the artifact, has the digest and size of the record."""
    if record.file.deleted:
        skip("deleted")
    expected = pointer(record.file.sha256, record.file.size)
    assert record.pointer == expected, f"{record.path} is not the pointer to sha256 {record.file.sha256}"


@rule("WB503", on=["ledger"])
def metadata_is_what_the_record_says(record: LedgerFile) -> None:
    """The stored metadata has the digest of the record."""
    wanted = record.file.metadata_sha256
    if record.file.deleted or wanted is None:
        skip("deleted, or no metadata is kept")
    found = hashlib.sha256(record.metadata or b"").hexdigest()
    assert found == wanted, "the stored metadata is not what was uploaded"


@rule("WB504", on=["ledger"])
def metadata_is_of_this_file(record: LedgerFile, metadata: CoreMetadata) -> None:
    """The stored metadata says of itself to be of this version, and asks for the Python that the record has."""
    assert metadata.version == record.file.dist.version, f"the metadata is of version {metadata.version}"
    assert (metadata.requires_python or None) == record.file.requires_python, "Requires-Python differs from the record"


@rule("WB505", on=["ledger"])
def tombstone_is_bare(record: LedgerFile) -> None:
    """Of a deleted file the record remains, and says who deleted it and why; nothing else does."""
    gone = record.file.deleted
    if gone is None:
        skip("not deleted")
    left = [what for what in ("pointer", "metadata", "attestations") if getattr(record, what) is not None]
    assert not left, f"it was deleted by {gone.by}, and its {left[0]} is still there"
    assert gone.by, "who deleted it is not said"


@rule("WB506", on=["ledger"])
def commit_is_one_event(commit: Recorded) -> None:
    """One commit is one event, of one file or of a whole project."""
    assert commit.event or not commit.parents, f"commit {commit.commit} says no Waybill-Event"
    if commit.event in OF_FILES and commit.facts.get("Whole") != "project":
        found = commit.records
        assert len(found) == 1, f"commit {commit.commit} is of {len(found)} files: {commit.event}"


@rule("WB507", on=["ledger"])
def trailers_say_what_the_record_says(commit: Recorded, index: Index) -> None:
    """The trailers of an event of a file are the facts of its record."""
    if commit.event not in OF_FILES:
        skip("no event of a file")
    if commit.facts.get("Whole") == "project":
        registry, project = (commit.facts.get(name, "") for name in ("Registry", "Project"))
        folder = project_folder(RegistryName(registry), ProjectName(project))
        beyond = [path for path in commit.changes if not path.startswith(f"{folder}/")]
        assert not beyond, f"commit {commit.commit} is of one project and changes {beyond[0]}"
        return
    registry, filename = commit.facts.get("Registry", ""), commit.facts.get("File", "")
    path = path_of(registry, filename)
    assert commit.records == [path], f"commit {commit.commit} names {filename} and changes {commit.records}"
    facts = index.snapshot.read(path or "")
    assert facts is not None, f"{path}: the record that commit {commit.commit} wrote is gone"
    if commit.superseded:
        skip("the file was deleted, restored or published again since")
    digest = commit.facts.get("Digest", "").removeprefix("sha256:")
    assert digest in facts.decode(), f"commit {commit.commit} names sha256 {digest}, and the record another one"


@rule("WB508", on=["ledger"])
def history_is_linear(commit: Recorded) -> None:
    """The ledger has no merges: its order is the order in which things happened."""
    assert len(commit.parents) <= 1, f"commit {commit.commit} has {len(commit.parents)} parents"


@rule("WB509", on=["ledger"])
def time_does_not_run_back(commit: Recorded) -> None:
    """No commit is older than the one before it, else the index of a past moment would change."""
    if commit.before is None:
        skip("the first one")
    assert commit.at >= commit.before, f"commit {commit.commit} is of {commit.at}, the one before it of {commit.before}"


@rule("WB510", on=["ledger"])
def name_has_one_content(published: Published) -> None:
    """No filename ever has two contents, also not after a deletion, unless its registry says so."""
    different = set(published.digests)
    assert len(different) == 1 or published.allowed, f"{published.filename} was published with {sorted(different)}"


@rule("WB511", on=["ledger"])
def decision_can_be_made_again(record: LedgerFile) -> None:
    """Asked again, the policy that was in force allows the upload by the same statement."""
    if record.publisher.trust != "token":
        skip("not decided from the policy's grants")
    verdict: Any = record.replayed()
    assert isinstance(verdict, Allowed), f"the policy of then does not allow it: {verdict.reason}"
    said = record.file.decision.allowed_by
    assert verdict.statement.ref == said, f"it was allowed by {said}, and now would be by {verdict.statement.ref}"
