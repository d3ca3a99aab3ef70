"""What nobody needs goes, after its time; what somebody needs, or is about to, stays."""

import os
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.blobs.incoming import Incoming
from registry.cli import data
from registry.errors import Unavailable
from registry.index import file_path
from registry.leftovers import evict, remove_artifacts, remove_unfinished
from registry.model import Sha256
from registry.names import distribution, registry_name
from registry.store.git import GitStore
from tests.archives import wheel
from tests.registry.web.site import PYTHON, Site, new_site

NOW = datetime.now(UTC)
GRACE = timedelta(days=7)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation with one file in it."""
    made = new_site(tmp_path / "data")
    assert made.publish(wheel("kept", "1.0")).status_code == 200
    return made


def artifacts(site: Site) -> Path:
    return data.git_folder(site.folder) / "lfs" / "objects"


def stored(site: Site) -> set[str]:
    return {path.name for path in artifacts(site).rglob("*") if path.is_file()}


def remove(site: Site, noted: dict[str, float], days: float, grace: timedelta = GRACE) -> dict[str, float]:
    """Look for artifacts without a name, some days from now."""
    store = site.installation.store
    assert isinstance(store, GitStore)
    return remove_artifacts(store, artifacts(site), noted, NOW + timedelta(days=days), grace)[0]


def abandon(site: Site, content: bytes = b"never committed") -> str:
    """Leave what an upload leaves that dies between its artifact and its commit."""
    with site.installation.blobs.incoming(10**6) as draft:
        draft.write(content)
        return site.installation.blobs.publish(draft)


def test_an_artifact_that_no_file_names_is_noted_and_goes_after_the_grace_time(site: Site) -> None:
    [kept] = stored(site)
    abandoned = abandon(site)
    noted = remove(site, {}, 0)
    assert noted.keys() == {abandoned}
    assert remove(site, noted, 6.9) == noted
    assert stored(site) == {kept, abandoned}
    assert remove(site, noted, 7.1) == {}
    assert stored(site) == {kept}
    assert site.ask(f"/python/files/{kept}/kept-1.0-py3-none-any.whl").data == wheel("kept", "1.0")[1]


def test_without_a_note_nothing_goes_however_old_it_is(site: Site) -> None:
    abandoned = abandon(site)
    assert abandoned in remove(site, {}, 1000)
    assert abandoned in stored(site)


def test_a_deleted_file_s_artifact_stays_for_the_grace_time_and_comes_back_with_an_upload(site: Site) -> None:
    filename, content = wheel("gone", "1.0")
    site.publish((filename, content))
    site.delete(filename)
    noted = remove(site, {}, 0)
    assert len(noted) == 1
    assert site.publish((filename, content)).status_code == 200  # republish: same-bytes
    assert remove(site, noted, 8) == {}
    assert set(noted) <= stored(site)
    site.delete(filename)
    noted = remove(site, {}, 10)
    assert remove(site, noted, 18) == {}
    assert not set(noted) & stored(site)


def test_bytes_that_another_project_names_stay(site: Site) -> None:
    site.policy(registries__other__registry="projects: open\n")
    site.publish(wheel("kept", "1.0"), "/other/")
    site.delete("kept-1.0-py3-none-any.whl")
    assert remove(site, {}, 0) == {}


def test_an_upload_of_bytes_that_are_just_being_removed_does_not_lose_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    filename, content = wheel("racing", "1.0")
    abandoned = abandon(site, content)
    noted, left = remove(site, {}, 0), []
    blobs = site.installation.blobs
    publish = blobs.publish

    def first(draft: Incoming) -> Sha256:
        """Let maintenance come between the upload's artifact and its commit."""
        monkeypatch.setattr(blobs, "publish", publish)
        sha256 = publish(draft)
        left.append((remove(site, noted, 100), stored(site)))
        return sha256

    monkeypatch.setattr(blobs, "publish", first)
    assert site.publish((filename, content)).status_code == 200
    [(still_noted, seen)] = left
    assert (still_noted, abandoned in seen) == ({}, False)  # so it was gone when the upload came to its commit
    assert site.ask(f"/python/files/{abandoned}/{filename}").data == content
    assert remove(site, noted, 200) == {}
    assert abandoned in stored(site)


def test_an_artifact_named_between_the_look_and_the_removal_stays(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = wheel("late", "1.0")
    abandoned = abandon(site, archive[1])
    noted = remove(site, {}, 0)
    store = site.installation.store
    lock = store.lock

    def first() -> AbstractContextManager[None]:
        monkeypatch.setattr(store, "lock", lock)
        assert site.publish(archive).status_code == 200
        return lock()

    monkeypatch.setattr(store, "lock", first)
    remove(site, noted, 100)
    assert abandoned in stored(site)
    assert site.ask("/python/simple/late/").status_code == 200


def test_nothing_goes_while_a_name_cannot_be_read(site: Site) -> None:
    abandoned = abandon(site)
    noted = remove(site, {}, 0)
    dist = distribution("odd-1.0-py3-none-any.whl")
    site.ledger({file_path(registry_name(PYTHON), dist): b"a form of pointer that this version does not know\n"})
    with pytest.raises(Unavailable, match="no artifact is removed"):
        remove(site, noted, 100)
    assert abandoned in stored(site)


def test_a_damaged_artifact_that_a_file_names_stays_for_whoever_repairs_it(site: Site) -> None:
    [kept] = stored(site)
    [path] = artifacts(site).rglob(kept)
    path.chmod(0o644)
    path.write_bytes(b"cut")
    assert remove(site, {kept: 0.0}, 100) == {}
    assert kept in stored(site)


def test_unfinished_files_of_c_git_go_after_a_day_and_packs_stay(site: Site) -> None:
    objects = data.git_folder(site.folder) / "objects"
    old = [
        objects / "pack" / "tmp_pack_Ab12",
        objects / "pack" / "tmp_idx_Ab12",
        objects / "tmp_objdir-incoming-1" / "x",
    ]
    young = objects / "pack" / "tmp_pack_young"
    pack = objects / "pack" / f"pack-{'a' * 40}.pack"
    for path in (*old, young, pack):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for path in (*old, old[-1].parent, pack):
        os.utime(path, (0, 0))
    assert remove_unfinished(data.git_folder(site.folder), NOW) == 3
    assert [path.exists() for path in (*old, young, pack)] == [False, False, False, True, True]


def test_pages_go_longest_unread_first_until_they_fit(tmp_path: Path) -> None:
    for n in range(10):
        page = tmp_path / f"{n % 2}" / f"page-{n}"
        page.parent.mkdir(exist_ok=True)
        page.write_bytes(bytes(100))
        os.utime(page, (n, 0))
    assert evict(tmp_path, 1000) == 0
    assert evict(tmp_path, 650) == 400
    assert {path.name for path in tmp_path.rglob("page-*")} == {f"page-{n}" for n in range(4, 10)}
    assert evict(tmp_path / "none yet", 0) == 0
