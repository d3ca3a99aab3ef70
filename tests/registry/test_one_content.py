"""One name, one content: whatever is published, deleted, restored, promoted and removed, in whatever order.

python -m pytest -m long tests/registry/test_one_content.py     # 500 histories, some minutes
"""

import hashlib
import shutil
import tempfile
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from registry.blobs.local import LocalBlobs
from registry.errors import WaybillError
from registry.index import file_path
from registry.installation import Installation
from registry.leftovers import remove_artifacts
from registry.model import File
from registry.names import RegistryName, distribution, project_name
from registry.policy.roles import Principal
from registry.promotion import Route, promote
from registry.records import ATTRIBUTES, pointer
from registry.removal import Whole, delete, restore
from registry.store import LEDGER, POLICY, NewCommit, Signature
from registry.store.git import GitStore
from registry.upload import upload
from tests.archives import sdist, wheel

DEMO, ALICE = project_name("demo"), Principal("alice")
REGISTRIES = {name: name for name in ("never", "same-bytes", "allowed")}  # each is called as its republish says
NAMES = ("demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz")
CONTENTS = {
    (name, body): (sdist if name.endswith(".gz") else wheel)("demo", "1.0", body=body)[1]
    for name in NAMES
    for body in ("one", "other")
}
REGISTRY, NAME = st.sampled_from(sorted(REGISTRIES)).map(RegistryName), st.sampled_from(NAMES)
WHOLE = st.one_of(
    REGISTRY.map(lambda registry: Whole(registry, DEMO)),
    REGISTRY.map(lambda registry: Whole(registry, DEMO, "1.0")),
    st.builds(lambda r, name: Whole(r, DEMO, distribution(name).version, name), REGISTRY, NAME),
)
BY = Signature("alice", "alice@acme.example")


class Histories(RuleBasedStateMachine):
    """Three registries of one installation, and everything that may be done to their files."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")  # noqa: S108 - where flushing costs nothing; what is flushed is another test's matter
        self.folder = Path(tempfile.mkdtemp(prefix="waybill-", dir=memory if memory.is_dir() else None))
        self.store, self.blobs = GitStore.create(self.folder / "git"), LocalBlobs(self.folder / "lfs")
        self.installation = Installation(self.store, self.blobs)
        self.seen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        files: dict[str, bytes | None] = {
            f"registries/{name}/registry.yaml": f"projects: open\nrepublish: {name}\n".encode() for name in REGISTRIES
        }
        files |= {"waybill.yaml": b"organization: acme\nadmins: [alice]\n", "people.yaml": b"alice: {}\n"}
        self.store.append(POLICY, None, [NewCommit(files, "begin\n", BY, BY, 1)])
        self.store.append(LEDGER, None, [NewCommit({".gitattributes": ATTRIBUTES}, "begin: ledger\n", BY, BY, 1)])

    @rule(registry=REGISTRY, name=NAME, body=st.sampled_from(["one", "other"]))
    def publish(self, registry: RegistryName, name: str, body: str) -> None:
        with suppress(WaybillError), self.blobs.incoming(10**6) as draft:
            draft.write(CONTENTS[name, body])
            upload(self.installation, ALICE, registry, name, draft, {})

    @rule(whole=WHOLE)
    def delete(self, whole: Whole) -> None:
        with suppress(WaybillError):
            delete(self.installation, ALICE, whole, "")

    @rule(registry=REGISTRY, name=NAME, bodies=st.permutations(["one", "other"]))
    def swap(self, registry: RegistryName, name: str, bodies: list[str]) -> None:
        """Do on purpose what must not lead anywhere."""
        self.delete(Whole(registry, DEMO, "1.0", name))
        for body in bodies:
            self.publish(registry, name, body)

    @rule(whole=WHOLE)
    def restore(self, whole: Whole) -> None:
        before = self.files(whole.registry)
        with suppress(WaybillError):
            for file in restore(self.installation, ALICE, whole).files:
                assert before[file.filename].sha256 == file.sha256

    @rule(source=REGISTRY, goal=REGISTRY)
    def promote(self, source: RegistryName, goal: RegistryName) -> None:
        before = self.files(source)
        with suppress(WaybillError):
            for file in promote(self.installation, ALICE, Route(source, goal, DEMO, "1.0")).files:
                assert (before[file.filename].sha256, before[file.filename].deleted) == (file.sha256, None)

    @rule()
    def maintain(self) -> None:
        noted: dict[str, float] = {}
        for days in (0, 8):
            now, artifacts = datetime.now(UTC) + timedelta(days=days), self.folder / "lfs/objects"
            noted, _ = remove_artifacts(self.store, artifacts, noted, now, timedelta(days=7))

    @invariant()
    def one_name_has_one_content_where_the_registry_says_so(self) -> None:
        for registry in map(RegistryName, REGISTRIES):
            for name, file in self.files(registry).items():
                self.seen[registry, name].add(file.sha256)
        broken = {place for place, digests in self.seen.items() if len(digests) > 1 and place[0] != "allowed"}
        assert broken == set()

    @invariant()
    def what_is_offered_is_whole_and_what_is_not_is_bare(self) -> None:
        read = self.installation.view().index.snapshot.read
        for registry in map(RegistryName, REGISTRIES):
            for file in self.files(registry).values():
                path = file_path(registry, file.dist)
                beside = read(path), read(f"{path}.metadata")
                if file.deleted:
                    assert beside == (None, None)
                    continue
                assert beside[0] == pointer(file.sha256, file.size)
                assert beside[1] is None or hashlib.sha256(beside[1]).hexdigest() == file.metadata_sha256
                with self.blobs.open(file.sha256) as artifact:
                    assert artifact.read() in {CONTENTS[file.filename, "one"], CONTENTS[file.filename, "other"]}

    def files(self, registry: RegistryName) -> dict[str, File]:
        project = self.installation.view().index.project(registry, DEMO) if self._begun() else None
        return {file.filename: file for release in project.releases for file in release.files} if project else {}

    def _begun(self) -> bool:
        return (self.folder / "git/refs/heads/ledger").exists()


def check(histories: int, steps: int) -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            derandomize=histories < 100,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_order_of_events_gives_a_name_another_content() -> None:
    check(histories=18, steps=40)


@pytest.mark.long
def test_no_long_history_does_either() -> None:
    check(histories=500, steps=60)
