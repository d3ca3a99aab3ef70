"""The index as it was: under a commit, a date or a time."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from freezegun import freeze_time

from registry.store import POLICY
from tests.archives import wheel
from tests.registry.web.site import Site, json_of, new_site

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@pytest.fixture
def dated(tmp_path: Path) -> Iterator[tuple[Site, list[str]]]:
    """demo 1.0 published on 1 February 2027 at noon, 2.0 a month later, and their commits; it is 31 March now."""
    with freeze_time("2027-01-01T00:00:00Z") as clock:
        site = new_site(tmp_path / "data")
        commits = []
        for month, version in ((2, "1.0"), (3, "2.0")):
            clock.move_to(f"2027-0{month}-01T12:00:00Z")
            assert site.publish(wheel("demo", version)).status_code == 200
            commits.append(site.head())
        clock.move_to("2027-03-31T10:00:00Z")
        yield site, commits


def versions(site: Site, revision: str, project: str = "demo") -> list[str]:
    found: list[str] = json_of(site.ask(f"/python/@{revision}/simple/{project}/", headers=JSON))["versions"]
    return found


def test_a_commit_names_the_index_as_it_was_then(dated: tuple[Site, list[str]]) -> None:
    site, [first, second] = dated
    assert versions(site, first) == versions(site, first[:12]) == ["1.0"]
    assert versions(site, second) == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("2027-02-01", ["1.0"]),  # a date means its end
        ("2027-02-28", ["1.0"]),
        ("2027-03-01", ["1.0", "2.0"]),
        ("2027-03-01T11:59:59Z", ["1.0"]),
        ("2027-03-01T12:00:00Z", ["1.0", "2.0"]),
        ("2027-03-01T12:59:59+01:00", ["1.0"]),
        ("2027-03-01T12:00:00", ["1.0", "2.0"]),  # UTC where nothing else is said
        ("2027-03-31T10:00:00Z", ["1.0", "2.0"]),
    ],
)
def test_a_date_or_time_names_the_last_commit_up_to_it(
    dated: tuple[Site, list[str]], revision: str, expected: list[str]
) -> None:
    assert versions(dated[0], revision) == expected


@pytest.mark.parametrize("revision", ["2027-03-31", "2027-03-31T10:00:01Z", "2999-01-01"])
def test_a_moment_that_is_not_over_is_refused_because_its_answer_could_still_change(
    dated: tuple[Site, list[str]], revision: str
) -> None:
    answer = dated[0].ask(f"/python/@{revision}/simple/demo/")
    assert answer.status_code == 404
    assert "is not over yet" in answer.text


def test_a_project_that_was_not_there_yet_is_not_found_and_one_that_was_declared_is_empty(
    dated: tuple[Site, list[str]],
) -> None:
    site, _ = dated
    assert site.ask("/python/@2027-01-15/simple/demo/").status_code == 404
    site.policy(registries__python__projects__demo="{}\n")
    assert versions(site, "2027-01-15") == []


def test_the_list_of_the_past_has_the_projects_of_then(dated: tuple[Site, list[str]]) -> None:
    site, [first, _] = dated
    site.publish(wheel("newer", "1.0"))
    for path, expected in ((f"@{first}/", ["demo"]), ("", ["demo", "newer"])):
        said = json_of(site.ask(f"/python/{path}simple/", headers=JSON))
        assert [project["name"] for project in said["projects"]] == expected


def test_file_urls_of_the_past_resolve_and_download(dated: tuple[Site, list[str]]) -> None:
    site, [first, _] = dated
    base = f"/python/@{first}/simple/demo/"
    [file] = json_of(site.ask(base, headers=JSON))["files"]
    url = urljoin(base, file["url"])
    assert site.ask(url).data == wheel("demo", "1.0")[1]
    assert site.ask(f"{url}.metadata").status_code == 200
    href = site.ask(base).text.partition('href="')[2].partition("#")[0]
    assert urljoin(base, href) == url


def test_a_page_of_the_past_does_not_change_with_the_present(dated: tuple[Site, list[str]]) -> None:
    site, [first, _] = dated
    before = site.ask(f"/python/@{first}/simple/demo/")
    site.publish(wheel("demo", "3.0"))
    after = site.ask(f"/python/@{first}/simple/demo/")
    assert (after.headers["ETag"], after.data) == (before.headers["ETag"], before.data)


def test_pages_of_now_and_then_have_each_their_own_etag_because_their_links_differ(
    dated: tuple[Site, list[str]],
) -> None:
    site, [_, second] = dated
    now, then = site.ask("/python/simple/demo/"), site.ask(f"/python/@{second}/simple/demo/")
    assert now.data != then.data
    assert now.headers["ETag"] != then.headers["ETag"]


def test_the_past_is_read_with_the_rights_of_now(dated: tuple[Site, list[str]]) -> None:
    site, [first, _] = dated
    site.policy(people="alice: {}\nbob: {}\n")
    path = f"/python/@{first}/simple/demo/"
    assert site.ask(path, "bob").status_code == 200
    site.policy(registries__python__registry="kind: source\n")
    assert site.ask(path, "bob").status_code == 403
    assert site.ask(path, None).status_code == 401


@pytest.mark.parametrize("revision", ["f" * 40, "abcdef0", "2026-12-31", "2026-12-31T23:59:59Z", "1970-01-01"])
def test_a_moment_without_an_index_is_not_found(dated: tuple[Site, list[str]], revision: str) -> None:
    assert dated[0].ask(f"/python/@{revision}/simple/demo/").status_code == 404


def test_a_commit_that_was_never_the_ledger_s_head_is_not_found(dated: tuple[Site, list[str]]) -> None:
    site, _ = dated
    policy = site.installation.store.head(POLICY).id
    for revision in (policy, policy[:10]):
        assert site.ask(f"/python/@{revision}/simple/demo/").status_code == 404


@pytest.mark.parametrize(
    "revision",
    ["", "HEAD", "ledger", "yesterday", "abc", "2027-02-30", "2027-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
     "9999-12-31T23:59:59-23:59", "refs%2fheads%2fledger", "..", "%00", "a" * 5000, "\uff12\uff10\uff12\uff17-01-01"],
)  # fmt: skip
def test_what_is_no_moment_is_refused_and_never_a_defect(dated: tuple[Site, list[str]], revision: str) -> None:
    site, _ = dated
    for path in (f"/python/@{revision}/simple/demo/", f"/python/@{revision}/simple/"):
        answer = site.ask(path)
        assert answer.status_code in {400, 404}, answer.text


def test_a_url_of_the_past_without_its_slash_leads_there(dated: tuple[Site, list[str]]) -> None:
    site, [first, _] = dated
    for path in (f"/python/@{first}/simple", f"/python/@{first}/simple/demo"):
        answer = site.ask(path)
        assert answer.status_code == 302
        assert urljoin(path, answer.location) == f"{path}/"
