"""Deleting and restoring: all or nothing, and never another content under a name that was used."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import curate, removal
from registry.cli import data
from registry.errors import Conflict, Forbidden, Invalid, NotFound
from registry.index import file_path
from registry.maintenance import Place, maintain
from registry.model import Status
from registry.names import distribution, project_name, registry_name
from registry.policy.roles import Principal
from registry.removal import Outcome, Whole
from tests.archives import sdist, wheel
from tests.registry.web.site import Site, new_site
from tests.running import run_git

PYTHON, PAYMENTS = registry_name("python"), project_name("payments")
PROJECT = Whole(PYTHON, PAYMENTS)
RELEASE = Whole(PYTHON, PAYMENTS, "1.0")
WHEEL, SDIST, NEXT = wheel("payments", "1.0"), sdist("payments", "1.0"), wheel("payments", "2.0")
FILE = Whole(PYTHON, PAYMENTS, "1.0", WHEEL[0])
PEOPLE = "alice: {}\nbob: {}\n"
GRANTS = "projects: open\ngrants: [{{role: {role}, to: [bob]}}]\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A project of two releases, the first of two files."""
    made = new_site(tmp_path / "data")
    for archive in (WHEEL, SDIST, NEXT):
        assert made.publish(archive).status_code == 200
    return made


def delete(site: Site, whole: Whole = RELEASE, reason: str = "a secret was in it") -> Outcome:
    return removal.delete(site.installation, None, whole, reason)


def restore(site: Site, whole: Whole = RELEASE) -> Outcome:
    return removal.restore(site.installation, None, whole)


def offered(site: Site) -> list[str]:
    page = site.ask("/python/simple/payments/?format=application/vnd.pypi.simple.v1+json").get_json(force=True)
    return [file["filename"] for file in page["files"]]


def log(site: Site, form: str) -> list[str]:
    return run_git(data.git_folder(site.folder), "log", f"--format={form}", "ledger").splitlines()


def maintained(site: Site, days: float, grace: timedelta | None = None) -> dict[str, Any]:
    place = Place(site.folder, data.git_folder(site.folder), site.folder / "cache")
    return maintain(site.installation, place, None, datetime.now(UTC) + timedelta(days=days), grace)


def stored(site: Site) -> int:
    objects = data.git_folder(site.folder) / "lfs" / "objects"
    return sum(path.stat().st_blocks * 512 for path in objects.rglob("*") if path.is_file())


def test_a_deleted_release_leaves_its_records_and_nothing_else(site: Site) -> None:
    outcome = delete(site)
    assert [file.filename for file in outcome.files] == sorted([WHEEL[0], SDIST[0]])
    assert outcome.commit == site.head()
    left = run_git(data.git_folder(site.folder), "ls-tree", "-r", "--name-only", "ledger", "python").split()
    assert [Path(path).name for path in left if "/1.0/" in path] == sorted([f"{WHEEL[0]}.json", f"{SDIST[0]}.json"])
    assert offered(site) == [NEXT[0]]
    found = site.installation.view().index.file(PYTHON, distribution(WHEEL[0]))
    assert found is not None
    assert found.deleted is not None
    assert (found.deleted.by, found.deleted.reason, found.deleted.whole) == (
        "operator",
        "a secret was in it",
        "release",
    )
    assert found.origin.principal == "alice"


def test_each_deleted_file_is_one_commit_that_says_who_and_why_and_all_are_flushed_at_once(site: Site) -> None:
    before = len(log(site, "%H"))
    packs = len(list((data.git_folder(site.folder) / "objects" / "pack").glob("*.pack")))
    delete(site)
    assert len(list((data.git_folder(site.folder) / "objects" / "pack").glob("*.pack"))) == packs + 1
    assert len(log(site, "%H")) == before + 2
    assert set(log(site, "%s")[:2]) == {f"delete: payments 1.0 {filename}" for filename in (WHEEL[0], SDIST[0])}
    facts = log(site, "%(trailers:key=Waybill-Event,key=File,key=Whole,key=Declared-Reason,separator=%x2C)")[:2]
    for filename in (WHEEL[0], SDIST[0]):
        expected = f"Waybill-Event: delete,File: {filename},Whole: release,Declared-Reason: a secret was in it"
        assert expected in facts


def test_a_whole_project_goes_and_comes_back_by_one_commit_each(site: Site) -> None:
    before = len(log(site, "%H"))
    delete(site, PROJECT)
    restore(site, PROJECT)
    assert len(log(site, "%H")) == before + 2
    assert log(site, "%s")[:2] == ["restore: payments", "delete: payments"]
    facts = log(site, "%(trailers:key=Project,key=Whole,key=Files,separator=%x2C)")[:2]
    assert facts == ["Project: payments,Files: 3,Whole: project"] * 2


@pytest.mark.parametrize("whole", [FILE, RELEASE, PROJECT])
def test_what_was_deleted_comes_back_with_all_that_was_kept_of_it(site: Site, whole: Whole) -> None:
    path = file_path(PYTHON, distribution(WHEEL[0]))
    kinds = ("", ".json", ".metadata")
    before, pages = [site.installation.view().index.snapshot.read(f"{path}{kind}") for kind in kinds], offered(site)
    deleted = delete(site, whole)
    assert WHEEL[0] not in offered(site)
    assert site.ask(f"/python/files/{deleted.files[0].sha256}/{deleted.files[0].filename}").status_code == 404
    restored = restore(site, whole)
    assert [file.filename for file in restored.files] == [file.filename for file in deleted.files]
    assert [site.installation.view().index.snapshot.read(f"{path}{kind}") for kind in kinds] == before
    assert offered(site) == pages
    assert site.ask(f"/python/files/{restored.files[-1].sha256}/{restored.files[-1].filename}").status_code == 200


def test_doing_it_again_writes_nothing(site: Site) -> None:
    assert delete(site).files
    head = site.head()
    assert delete(site, reason="another reason") == Outcome((), None)
    assert site.head() == head
    head = restore(site).commit or ""
    assert restore(site) == Outcome((), None)
    assert site.head() == head


def test_a_file_that_was_deleted_by_name_does_not_come_back_with_its_release(site: Site) -> None:
    delete(site, FILE)
    with pytest.raises(NotFound, match="not deleted as a release"):
        restore(site, RELEASE)
    delete(site, RELEASE)
    assert [file.filename for file in restore(site, RELEASE).files] == [SDIST[0]]
    assert offered(site) == [SDIST[0], NEXT[0]]
    assert [file.filename for file in restore(site, FILE).files] == [WHEEL[0]]


def test_a_release_of_a_deleted_project_comes_back_alone(site: Site) -> None:
    delete(site, PROJECT)
    assert offered(site) == []
    assert len(restore(site, RELEASE).files) == 2
    assert sorted(offered(site)) == sorted([WHEEL[0], SDIST[0]])
    assert [file.filename for file in restore(site, PROJECT).files] == [NEXT[0]]


def test_a_deleted_project_keeps_its_name_so_that_no_client_looks_for_it_elsewhere(site: Site) -> None:
    delete(site, PROJECT)
    assert site.ask("/python/simple/payments/").status_code == 200
    assert site.publish(wheel("payments", "1.0", body="other bytes")).status_code == 400
    assert site.publish(wheel("payments", "3.0")).status_code == 200


@pytest.mark.parametrize(
    ("whole", "why"),
    [
        (Whole(PYTHON, PAYMENTS, "9"), "has no release payments 9; it has 1.0, 2.0"),
        (Whole(PYTHON, project_name("absent")), "no project of this name"),
        (Whole(PYTHON, PAYMENTS, "1.0", "payments-1.0-cp312-cp312-linux_x86_64.whl"), "payments 1.0 has no such file"),
    ],
)
def test_what_never_was_can_neither_be_deleted_nor_restored(site: Site, whole: Whole, why: str) -> None:
    for verb in (delete, restore):
        with pytest.raises(NotFound, match=why):
            verb(site, whole)


def test_a_file_of_another_release_is_not_taken_for_one_of_this(site: Site) -> None:
    with pytest.raises(Invalid, match=r"is a file of payments 2\.0, not of payments 1\.0"):
        delete(site, Whole(PYTHON, PAYMENTS, "1.0", NEXT[0]))


@pytest.mark.parametrize("reason", ["x" * 501, "two\x07bells"])
def test_a_reason_that_cannot_be_shown_is_refused_and_nothing_is_deleted(site: Site, reason: str) -> None:
    head = site.head()
    with pytest.raises(Invalid, match="reason"):
        delete(site, reason=reason)
    assert site.head() == head


@pytest.mark.parametrize(
    ("role", "whole", "may"),
    [
        ("publish", FILE, False),
        ("publish", RELEASE, False),
        ("write", FILE, True),
        ("write", RELEASE, True),
        ("write", PROJECT, False),
        ("admin", PROJECT, True),
    ],
)
def test_who_writes_deletes_and_restores_releases_and_who_administers_whole_projects(
    site: Site, role: str, whole: Whole, may: bool
) -> None:
    site.policy(people=PEOPLE, registries__python__registry=GRANTS.format(role=role))
    bob = Principal("bob")
    verbs: list[Callable[[], Outcome]] = [
        lambda: removal.delete(site.installation, bob, whole, ""),
        lambda: removal.restore(site.installation, bob, whole),
    ]
    if not may:
        delete(site, whole)
        verbs.reverse()
    for verb in verbs:
        if may:
            assert verb().files
        else:
            with pytest.raises(Forbidden, match="bob may not"):
                verb()


def test_somebody_without_rights_learns_nothing_of_what_is_there(site: Site) -> None:
    site.policy(people=PEOPLE)
    for whole in (RELEASE, Whole(PYTHON, PAYMENTS, "9"), Whole(PYTHON, project_name("absent"))):
        with pytest.raises(Forbidden):
            removal.delete(site.installation, Principal("bob"), whole, "")


def test_nothing_is_deleted_where_the_registry_is_frozen_but_by_the_operator(site: Site) -> None:
    site.policy(registries__python__registry="projects: open\nfrozen: true\n")
    with pytest.raises(Forbidden, match="frozen: true"):
        removal.delete(site.installation, Principal("alice"), RELEASE, "")
    assert delete(site).files
    with pytest.raises(Forbidden, match="frozen: true"):
        removal.restore(site.installation, Principal("alice"), RELEASE)


@pytest.mark.parametrize(
    ("republish", "same", "other"), [("never", 400, 400), ("same-bytes", 200, 400), ("allowed", 200, 200)]
)
def test_a_deleted_name_is_uploaded_again_as_the_registry_says_and_restored_in_any_case(
    site: Site, republish: str, same: int, other: int
) -> None:
    site.policy(registries__python__registry=f"projects: open\nrepublish: {republish}\n")
    changed = wheel("payments", "1.0", body="other bytes")
    delete(site, FILE)
    assert len(restore(site, FILE).files) == 1
    assert site.publish(changed).status_code == 400
    delete(site, FILE)
    assert site.publish(WHEEL).status_code == same
    delete(site, FILE)
    answer = site.publish(changed)
    assert answer.status_code == other
    assert other == 200 or f"republish: {republish}" in answer.text
    assert bool(restore(site, FILE).files) == (other == 400)


def test_after_the_grace_time_the_space_is_free_and_restoring_is_refused_in_words(site: Site) -> None:
    big = wheel("payments", "5.0", files={"payments/data.bin": bytes(range(256)) * 4096})
    assert site.publish(big).status_code == 200
    used, release = stored(site), Whole(PYTHON, PAYMENTS, "5.0")
    delete(site, release)
    assert maintained(site, 0)["artifacts_removed"] == 0
    assert maintained(site, 6)["artifacts_removed"] == 0
    assert restore(site, release).files
    assert maintained(site, 30)["artifacts_unnamed"] == 0
    delete(site, release)
    assert maintained(site, 40)["artifacts_unnamed"] == 1
    assert maintained(site, 48)["artifacts_removed"] == 1
    assert stored(site) <= used - len(big[1])
    with pytest.raises(Conflict, match=r"payments-5\.0-.* cannot be restored: deleted at .* after the grace time"):
        restore(site, release)
    assert site.publish(big).status_code == 200  # republish: same-bytes
    assert site.ask("/python/simple/payments/").status_code == 200


def test_one_process_that_maintains_for_long_forgets_what_was_named_once(site: Site) -> None:
    for days in range(0, 60, 20):
        maintained(site, days)  # each time every artifact is named
        delete(site)
        maintained(site, days + 2)
        assert maintained(site, days + 10)["artifacts_removed"] == 2
        for archive in (WHEEL, SDIST):
            assert site.publish(archive).status_code == 200


def test_a_release_of_which_one_file_is_gone_does_not_come_back_in_part(site: Site) -> None:
    digest = next(file.sha256 for file in delete(site).files if file.filename == SDIST[0])
    [artifact] = (data.git_folder(site.folder) / "lfs" / "objects").rglob(digest)
    artifact.unlink()
    head = site.head()
    with pytest.raises(Conflict, match=SDIST[0]):
        restore(site)
    assert site.head() == head
    assert [file.filename for file in restore(site, FILE).files] == [WHEEL[0]]


def test_maintenance_that_comes_first_makes_the_restoration_fail_and_harms_nothing(site: Site) -> None:
    delete(site)
    maintained(site, 0)
    with ThreadPoolExecutor(2) as pool:
        restoring = [pool.submit(restore, site) for _ in range(2)]
        removing = pool.submit(maintained, site, 30)
    facts = removing.result()
    failures = [future.exception() for future in restoring if future.exception()]
    assert all(isinstance(failure, Conflict) for failure in failures)
    assert facts["artifacts_removed"] == (2 if failures else 0)
    for filename in offered(site):
        found = site.installation.view().index.file(PYTHON, distribution(filename))
        assert found is not None
        assert site.installation.blobs.size(found.sha256) == found.size


def test_an_upload_and_a_deletion_of_one_file_at_once_leave_it_whole_or_gone(site: Site) -> None:
    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            uploading, deleting = pool.submit(site.publish, WHEEL), pool.submit(delete, site, FILE)
        assert uploading.result().status_code == 200
        assert deleting.exception() is None
        found = site.installation.view().index.file(PYTHON, distribution(WHEEL[0]))
        assert found is not None
        whole = site.installation.view().index.snapshot.read(file_path(PYTHON, found.dist)) is not None
        assert whole == (found.deleted is None) == (WHEEL[0] in offered(site))
        site.publish(WHEEL)


def test_the_index_of_the_past_still_names_what_was_deleted_and_its_file_says_so(site: Site) -> None:
    then = site.head()
    digest = next(file.sha256 for file in delete(site).files if file.filename == WHEEL[0])
    assert f"/files/{digest}/{WHEEL[0]}" in site.ask(f"/python/@{then}/simple/payments/").text
    answer = site.ask(f"/python/files/{digest}/{WHEEL[0]}")
    assert answer.status_code == 404
    assert "was deleted from registry python" in answer.text
    assert "a secret was in it" in answer.text


def test_a_yanked_release_is_yanked_when_it_comes_back(site: Site) -> None:
    curate.yank(site.installation, None, PYTHON, PAYMENTS, "1.0", "broken")
    delete(site)
    restore(site)
    page = site.ask("/python/simple/payments/?format=application/vnd.pypi.simple.v1+json").get_json(force=True)
    assert {file["yanked"] for file in page["files"] if "1.0" in file["filename"]} == {"broken"}


def test_a_quarantined_project_can_be_cleaned_up(site: Site) -> None:
    site.set_status("payments", Status.QUARANTINED, "malware")
    assert delete(site).files


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.QUARANTINED])
def test_nothing_comes_back_into_a_project_that_takes_no_files(site: Site, status: Status) -> None:
    delete(site)
    site.set_status("payments", status, "over")
    head = site.head()
    with pytest.raises(Forbidden, match=f"{status.value} and takes no uploads"):
        restore(site)
    assert site.head() == head
    site.set_status("payments", Status.ACTIVE)
    assert len(restore(site).files) == 2


@pytest.mark.parametrize("whole", [RELEASE, FILE])
def test_what_went_with_its_project_comes_back_by_whoever_may_delete_that(site: Site, whole: Whole) -> None:
    site.policy(people=PEOPLE, registries__python__registry=GRANTS.format(role="write"))
    delete(site, PROJECT)
    with pytest.raises(Forbidden, match="bob may not"):
        removal.restore(site.installation, Principal("bob"), whole)
    assert removal.restore(site.installation, Principal("alice"), whole).files


def test_a_file_does_not_come_back_beside_its_bytes_under_another_name(site: Site) -> None:
    first, second = wheel("payments", "3.0", build="1A"), wheel("payments", "3.0", build="1a")
    assert site.publish(first).status_code == 200
    twin = Whole(PYTHON, PAYMENTS, "3.0", first[0])
    delete(site, twin)
    assert site.publish((second[0], first[1])).status_code == 200
    with pytest.raises(Conflict, match="File already exists"):
        restore(site, twin)
    assert [name for name in offered(site) if "-3.0-" in name] == [second[0]]
