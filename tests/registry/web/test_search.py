"""Search: what projects say of themselves and who needs whom, as the newest commit has it, for who may read it."""

import base64
import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from registry import finder
from registry.errors import WaybillError
from registry.finder import Finder
from registry.index import Index
from registry.metadata import need
from registry.sought import Sought
from registry.store import LEDGER
from tests.archives import sdist, wheel
from tests.registry.web.site import Site, json_of, reader

API = "/-/api/v1"
PRIVATE = "kind: source\nvisibility: private\nprojects: open\n"


def project(site: Site, name: str, version: str = "1.0", *headers: str, path: str = "/python/") -> None:
    assert site.publish(wheel(name, version, headers=headers), path).status_code == 200


def names(site: Site, person: str | None = "alice", headers: dict[str, str] | None = None, **query: str) -> list[str]:
    asked = {name.replace("_", "-"): value for name, value in query.items()}
    return [one["name"] for one in json_of(site.ask(f"{API}/search", person, headers=headers, query=asked))["projects"]]


def dependents(site: Site, name: str) -> list[tuple[Any, ...]]:
    found = json_of(site.ask(f"{API}/dependents/{name}"))["dependents"]
    return [(one["project"], one["version"], one["requirement"], one["latest"]) for one in found]


def test_projects_are_found_by_words_of_name_summary_and_keywords_best_names_first(site: Site) -> None:
    project(site, "ledger-tools", "1.0", "Summary: Reads books")
    project(site, "ledger", "1.0", "Summary: Keeps books")
    project(site, "old-ledger", "1.0", "Keywords: archive,books")
    project(site, "unrelated", "1.0", "Summary: mentions a Ledger once")
    assert names(site, q="ledger") == ["ledger", "ledger-tools", "old-ledger", "unrelated"]
    assert names(site, q="LEDG") == ["ledger", "ledger-tools", "old-ledger", "unrelated"]
    assert names(site, q="books keeps") == ["ledger"]
    assert names(site, q="archive") == ["old-ledger"]
    assert names(site, q="absent") == []
    assert len(names(site)) == 4


def test_keywords_classifiers_and_needs_narrow_it(site: Site) -> None:
    project(site, "one", "1.0", "Keywords: web,api", "Classifier: Framework :: Flask")
    project(
        site, "two", "1.0", "Classifier: Framework :: Django :: 5.0", "Requires-Dist: One >= 1; python_version > '3'"
    )
    assert names(site, keyword="API") == ["one"]
    assert names(site, classifier="Framework :: Flask") == ["one"]
    assert names(site, classifier="Framework") == ["one", "two"]
    assert names(site, classifier="Frame") == []
    assert names(site, depends_on="ONE") == ["two"]
    assert names(site, classifier="Framework", keyword="web", depends_on="one") == []


def test_who_depends_on_a_project_is_told_by_release_also_of_one_from_elsewhere(site: Site) -> None:
    project(site, "app", "1.0", "Requires-Dist: requests >= 2")
    project(site, "app", "2.0", "Requires-Dist: httpx", "Requires-Dist: Requests[socks]; extra == 'old'")
    project(site, "other", "1.0", "Requires-Dist: requests-toolbelt")
    assert dependents(site, "requests") == [
        ("app", "1.0", "requests >= 2", False),
        ("app", "2.0", "Requests[socks]; extra == 'old'", True),
    ]
    assert dependents(site, "nobody") == []


def test_every_change_counts_at_the_next_search(site: Site) -> None:
    project(site, "demo", "1.0", "Summary: first", "Requires-Dist: six")
    assert names(site, q="first") == ["demo"]
    project(site, "demo", "2.0", "Summary: second")
    assert (names(site, q="first"), names(site, q="second"), names(site, depends_on="six")) == ([], ["demo"], [])
    yank = f"{API}/registries/python/projects/demo/releases/2.0/yank"
    assert site.ask(yank, method="PUT").status_code == 200
    assert (names(site, q="first"), names(site, depends_on="six")) == (["demo"], ["demo"])
    site.ask(yank, method="DELETE")
    site.delete("demo-1.0-py3-none-any.whl")
    assert (names(site, q="second"), dependents(site, "six")) == (["demo"], [])


def test_the_latest_release_is_the_one_that_an_installer_would_choose(site: Site) -> None:
    for version in ("1.9", "1.10", "2.0a1"):
        project(site, "demo", version)
    [found] = json_of(site.ask(f"{API}/search", query={"q": "demo"}))["projects"]
    assert found["version"] == "1.10"


def test_what_one_may_not_read_is_not_found(site: Site) -> None:
    site.policy(registries__open__registry="kind: source\nvisibility: public\nprojects: open\n")
    project(site, "secret-plan", "1.0", "Requires-Dist: shared")
    project(site, "shown", "1.0", "Summary: plan", "Requires-Dist: shared", path="/open/")
    assert names(site, q="plan") == ["secret-plan", "shown"]
    assert names(site, None, q="plan") == ["shown"]
    bearing = {"Authorization": f"Bearer {site.limited('alice', reader('secret-*'))}"}
    assert names(site, None, bearing, q="plan") == ["secret-plan"]
    seen = json_of(site.ask(f"{API}/dependents/shared", None))["dependents"]
    assert [one["project"] for one in seen] == ["shown"]
    site.policy(registries__open__registry=PRIVATE)  # a right that is gone is gone at once
    assert site.ask(f"{API}/search", None, query={"q": "plan"}).status_code == 401


def test_pages_follow_each_other_in_one_order(site: Site) -> None:
    for number in range(5):
        project(site, f"demo-{number}", "1.0", "Requires-Dist: six")
    for path, key in ((f"{API}/search", "projects"), (f"{API}/dependents/six", "dependents")):
        seen: list[Any] = []
        query = {"limit": "2"}
        while True:
            page = json_of(site.ask(path, query=query))
            seen += page[key]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert seen == json_of(site.ask(path))[key]
        assert len(seen) == 5


def cursor_of(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def test_what_one_may_not_read_is_passed_by_page_after_page_and_not_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder, "ROWS", 2)
    site.policy(registries__open__registry="kind: source\nvisibility: public\nprojects: open\n")
    for name, path in (("a", "open"), *((f"hidden-{n}", "python") for n in range(5)), ("y", "open"), ("z", "open")):
        project(site, name, "1.0", "Summary: plan", "Requires-Dist: six", path=f"/{path}/")
    site.policy(registries__python__registry=PRIVATE)
    for path, key, name in (("search?q=plan", "projects", "name"), ("dependents/six", "dependents", "project")):
        pages: list[list[str]] = []
        query: dict[str, str] = {}
        while query.get("cursor") or not pages:
            route, _, words = path.partition("?q=")
            answer = json_of(site.ask(f"{API}/{route}", None, query=query | ({"q": words} if words else {})))
            pages.append([one[name] for one in answer[key]])
            query = {"cursor": answer["next"]} if answer["next"] else {}
            said = base64.urlsafe_b64decode((answer["next"] or "") + "==")
            assert b"hidden" not in said
        assert [] in pages
        assert [one for page in pages for one in page] == ["a", "y", "z"]


def test_a_page_that_is_full_goes_on_behind_what_it_shows(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "ROWS", 3)
    for number in range(3):
        project(site, f"demo-{number}")
    first = json_of(site.ask(f"{API}/search", query={"limit": "2"}))
    assert [one["name"] for one in first["projects"]] == ["demo-0", "demo-1"]
    project(site, "demo-1a")
    assert names(site, cursor=first["next"]) == ["demo-1a", "demo-2"]


def test_projects_that_say_too_much_for_one_page_are_on_the_next(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "HELD", 1_000)
    for number in range(3):
        project(site, f"demo-{number}", "1.0", f"Keywords: {'x' * 2_000}")
    first = json_of(site.ask(f"{API}/search"))
    assert [one["name"] for one in first["projects"]] == ["demo-0"]
    assert names(site, cursor=first["next"]) == ["demo-1"]


@pytest.mark.parametrize("skipped", [-1, 5, 2**53])
def test_a_cursor_that_skips_what_it_likes_finds_less_and_breaks_nothing(site: Site, skipped: int) -> None:
    project(site, "demo")
    assert names(site, cursor=cursor_of(-1, "", "", skipped)) == (["demo"] if skipped < 0 else [])


def test_somebody_whose_rights_are_long_to_decide_holds_up_no_other(site: Site) -> None:
    project(site, "demo")
    deciding, answered = threading.Event(), threading.Event()
    seen: list[str] = []

    def newest() -> Index:
        return Index(site.installation.head(LEDGER))

    def slow(*_: str) -> bool:
        deciding.set()
        return answered.wait(60)

    def ask() -> None:
        seen.extend(one.name for one in site.installation.finder.find(newest, Sought(), slow, 10).found)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        assert deciding.wait(60)
        assert names(site) == ["demo"]
        assert not seen
    finally:
        answered.set()
        thread.join()
    assert seen == ["demo"]


def test_whoever_waits_too_long_for_the_index_is_told_to_try_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    project(site, "demo")
    monkeypatch.setattr(finder, "PATIENCE", 0.01)
    answers: list[int] = []

    def newest() -> Index:  # the index is being followed, for as long as this takes
        if not answers:
            answers.append(site.ask(f"{API}/search").status_code)
        return Index(site.installation.head(LEDGER))

    assert len(site.installation.finder.find(newest, Sought(), lambda *_: True, 10).found) == 1
    assert answers == [503]


def closed(site: Site) -> Path:
    """The file as it lies on disk, as if no process had it open."""
    site.installation.finder._database.close()  # noqa: SLF001 - as if this process had just begun
    return site.folder / "finder.sqlite"


def sought(site: Site) -> list[object]:
    """What a few questions find."""
    found = [names(site), names(site, q="here"), names(site, keyword="books"), names(site, depends_on="demo")]
    whole = json_of(site.ask(f"{API}/search"))["projects"]
    return [*found, whole, dependents(site, "demo")]


@pytest.fixture
def known(site: Site) -> Site:
    project(site, "demo", "1.0", "Summary: here")
    project(site, "demo", "2.0", "Summary: here it is", "Keywords: books,records")
    project(site, "other", "1.0", "Requires-Dist: demo >= 1")
    return site


@pytest.mark.parametrize(
    "spoil", ["missing", "nonsense", "emptied", "another", "half", "a byte short", *(f"page {n}" for n in range(16))]
)
def test_an_index_that_is_missing_or_wrong_is_made_again(known: Site, spoil: str) -> None:
    right, file = sought(known), closed(known)
    whole, page = file.read_bytes(), int(spoil.removeprefix("page ")) * 4096 if "page" in spoil else 0
    damaged = {
        "nonsense": b"nonsense" * 999,
        "emptied": b"",
        "another": b"SQLite format 3\0" + b"\xff" * 4000,
        "half": whole[: len(whole) // 2],
        "a byte short": whole[:-1],
    }
    assert len(whole) <= 16 * 4096  # so that each page of it was zeros once
    file.unlink()
    if spoil != "missing":
        file.write_bytes(damaged.get(spoil, whole[:page] + bytes(4096) + whole[page + 4096 :]))
    known.installation.finder.mend()
    assert sought(known) == right


def test_a_damaged_index_is_an_answer_and_never_a_defect(known: Site) -> None:
    _flip(known, every=997, mended=False)


def test_no_flipped_bit_of_the_index_hides_or_invents_anything_once_it_was_looked_for(known: Site) -> None:
    _flip(known, every=499, mended=True)


@pytest.mark.long
def test_no_flipped_bit_at_all_of_the_index_hides_or_invents_anything(known: Site) -> None:
    _flip(known, every=7, mended=True)


def _flip(site: Site, every: int, *, mended: bool) -> None:
    """Flip bits of the file one at a time, and compare what is found."""
    right, file = sought(site), closed(site)
    whole = file.read_bytes()
    texts = [whole.find(text) for text in (b"here it is", b"records", b"demo >= 1", b"active")]
    for offset in [*texts, *range(0, len(whole), every)]:
        for bit in (1 << offset % 8, 0x80):  # the last makes text that is none
            bad = bytearray(whole)
            bad[offset] ^= bit
            for beside in ("-wal", "-shm"):
                file.with_name(file.name + beside).unlink(missing_ok=True)
            file.write_bytes(bad)
            if mended:
                site.installation.finder.mend()
            found = sought(site)
            assert found == right or not mended, f"bit {bit} of byte {offset}"
            closed(site)


@pytest.mark.parametrize("text", [b"here it is", b"records", b"active"])
def test_what_is_shown_of_a_project_is_what_was_written_also_before_anybody_looks(known: Site, text: bytes) -> None:
    right, file = sought(known), closed(known)
    whole = file.read_bytes()
    assert text in whole
    file.write_bytes(whole.replace(text, text[:-1] + b"X"))
    assert sought(known)[4] == right[4]


def test_an_index_of_an_earlier_version_is_made_again(known: Site) -> None:
    right, file = sought(known), closed(known)
    with closing(sqlite3.connect(file)) as earlier, earlier:
        for table in ("project", "release"):
            earlier.execute(f"ALTER TABLE {table} DROP COLUMN seal")
    assert sought(known) == right
    project(known, "newer", "1.0")
    assert "newer" in names(known)


def test_a_ledger_that_went_another_way_is_followed_too(site: Site) -> None:
    project(site, "kept", "1.0")
    before = site.head()
    project(site, "lost", "1.0")
    assert names(site) == ["kept", "lost"]
    past = Index(site.installation.store.at(before))
    found = site.installation.finder.find(lambda: past, Sought(), lambda *_: True, 10)
    assert [one.name for one in found.found] == ["kept"]
    assert names(site) == ["kept", "lost"]


@pytest.mark.parametrize(
    "words", ["", "--", '"', "*", 'a" OR "b', "NEAR(", "a" * 300, "x " * 20, "'; DROP TABLE project; --"]
)
def test_no_words_break_the_search(site: Site, words: str) -> None:
    project(site, "demo")
    answer = site.ask(f"{API}/search", query={"q": words})
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        assert json.loads(answer.data)["field"] == "q"
    assert names(site, q="demo") == ["demo"]


@pytest.mark.parametrize(
    "value",
    [[10**30, "", "", 0], [0, "\ud800", "", 0], [0, "", "", True], [0, "", 1, 0], [0, "", ""], {"a": 1}, [[]] * 4],
)
def test_a_cursor_that_was_never_given_is_refused(site: Site, value: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    answer = site.ask(f"{API}/search", query={"cursor": cursor})
    assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    "requirement", ["a; " + "(" * 900 + "python_version<'3'" + ")" * 900, "a" + ">=1," * 20_000 + ">=1"]
)
def test_one_hostile_release_holds_up_no_search(requirement: str) -> None:
    assert need(requirement)["name"] is None
    assert need(requirement)["requirement"] == requirement
    assert need("Zope.Interface >= 5 ; extra == 'x'")["name"] == "zope-interface"


def test_sdists_without_reliable_metadata_are_found_by_name(site: Site) -> None:
    assert site.publish(sdist("ancient", "1.0", metadata_version="1.2")).status_code == 200
    assert names(site, q="ancient") == ["ancient"]


def test_processes_that_share_the_index_all_answer_by_the_newest_commit(site: Site) -> None:
    others = [Finder(site.folder / "finder.sqlite") for _ in range(3)]
    wrong: list[object] = []

    def newest() -> Index:
        return Index(site.installation.head(LEDGER))

    def ask(asked: Finder, name: str) -> None:
        try:
            found = [one.name for one in asked.find(newest, Sought(name), lambda *_: True, 10).found]
        except WaybillError as error:
            found = [str(error)]
        if found != [name]:
            wrong.append((name, found))

    for number in range(4):
        name = f"demo{number}x"
        project(site, name)
        threads = [threading.Thread(target=ask, args=(other, name)) for other in others for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.parametrize("change", ["requirement = 'other >= 9'", "version = '9.0'", "requirement = x'00'"])
def test_a_requirement_that_was_changed_in_the_file_is_never_shown(known: Site, change: str) -> None:
    right, file = dependents(known, "demo"), closed(known)
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(f"UPDATE need SET {change}").rowcount == 1  # noqa: S608 - written above
    assert dependents(known, "demo") == right
