"""Rendered pages are kept: in memory, on disk, and release by release; and never shown when they are not right."""

import time
from pathlib import Path
from typing import Any

import pytest

from registry import simple
from registry.cli import data
from registry.model import Release
from registry.web import projects
from registry.web.faces import create_app
from tests.archives import wheel
from tests.registry.web.site import Site, new_site

PAGE = "/python/simple/payments/"


@pytest.fixture
def kept(tmp_path: Path) -> Site:
    site = new_site(tmp_path / "data")
    site.app = create_app(site.installation, cache=data.cache_folder(site.folder))
    return site


def restarted(site: Site) -> Site:
    site.installation = data.open_installation(site.folder)
    site.app = create_app(site.installation, cache=data.cache_folder(site.folder))
    return site


def copies(site: Site) -> list[Path]:
    return [path for path in data.cache_folder(site.folder).rglob("*") if path.is_file()]


def await_copies(site: Site, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(copies(site)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def refuse(*_: object) -> Any:
    raise AssertionError("rendered")


def test_a_restarted_server_shows_a_page_without_rendering_it(kept: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.publish(wheel("payments", "1.0"))
    before = kept.ask(PAGE).data
    monkeypatch.setitem(projects.WRITERS, "html", (refuse, refuse))
    assert restarted(kept).ask(PAGE).data == before


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "swapped"])
def test_a_damaged_copy_is_never_shown(kept: Site, damage: str) -> None:
    kept.publish(wheel("payments", "1.0"))
    kept.publish(wheel("other", "1.0"))
    before = kept.ask(PAGE).data
    await_copies(kept, 4)  # of both projects, HTML and JSON: nothing is rendered in the background any more
    contents = [path.read_bytes() for path in copies(kept)]
    assert contents
    for path, content in zip(copies(kept), contents, strict=True):
        flipped = bytes([*content[:-9], content[-9] ^ 4, *content[-8:]])
        others = next(other for other in contents if other != content)
        path.write_bytes({"empty": b"", "cut": content[:-3], "flipped": flipped, "swapped": others}[damage])
    assert restarted(kept).ask(PAGE).data == before


def test_a_cache_that_cannot_be_written_does_no_harm(kept: Site) -> None:
    folder = data.cache_folder(kept.folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where a folder should be")
    assert kept.publish(wheel("payments", "1.0")).status_code == 200
    assert b"payments-1.0-" in kept.ask(PAGE).data


def test_pages_are_rendered_once_a_file_has_landed_before_anybody_asks(kept: Site) -> None:
    kept.publish(wheel("payments", "1.0"))
    await_copies(kept, 2)  # HTML and JSON


def test_a_new_release_leaves_the_others_as_they_are_rendered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        site.publish(wheel("payments", f"1.{n}"))
    site.ask(PAGE)
    rendered: list[str] = []
    write = simple.release_html

    def counted(release: Release, files: str, provenance: str) -> str:
        rendered.append(release.version)
        return write(release, files, provenance)

    monkeypatch.setitem(projects.WRITERS, "html", (counted, simple.project_html))
    site.publish(wheel("payments", "1.9"))
    assert site.ask(PAGE).data.count(b"<a ") == 6
    assert rendered == ["1.9"]
