"""The old form beside uploads: yank, unyank and remove_pkg, by name and version, with the rights that they need."""

import pytest

from tests.archives import sdist, wheel
from tests.registry.web.site import Field, Site

WHEEL, SDIST = wheel("payments", "1.0"), sdist("payments", "1.0")
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
PEOPLE = "alice: {}\nbob: {}\ncarol: {}\n"
GRANTS = """\
kind: source
visibility: internal
projects: open
grants:
- {role: write, to: [bob], projects: [payments]}
- {role: publish, to: [bob, carol]}
"""


@pytest.fixture
def payments(site: Site) -> Site:
    """A release of two files, which bob may write and carol publish."""
    site.policy(people=PEOPLE, registries__python__registry=GRANTS)
    for archive in (WHEEL, SDIST):
        assert site.publish(archive).status_code == 200
    return site


def form(action: str, name: str = "payments", version: str = "1.0", reason: str | None = None) -> list[Field]:
    fields: list[Field] = [(":action", action), ("name", name), ("version", version)]
    return fields if reason is None else [*fields, ("reason", reason)]


def files(site: Site) -> list[dict[str, object]]:
    found: list[dict[str, object]] = site.ask("/python/simple/payments/", headers=JSON).get_json(force=True)["files"]
    return found


@pytest.mark.parametrize("path", ["/python/", "/python", "/python/legacy/", "/python/legacy"])
def test_a_release_is_yanked_with_a_reason_and_unyanked(payments: Site, path: str) -> None:
    done = payments.send(form("yank", "Payments", "1.0.0", "wrong licence"), path, "bob")
    assert done.status_code == 200
    assert done.text == "Yanked payments 1.0: installers skip it unless it is pinned\n"
    assert [file["yanked"] for file in files(payments)] == ["wrong licence"] * 2
    assert payments.send(form("unyank"), path, "bob").text == "payments 1.0 is not yanked any more\n"
    assert not any(file.get("yanked") for file in files(payments))


def test_remove_pkg_deletes_a_release_and_its_names_stay_taken(payments: Site) -> None:
    done = payments.send(form("remove_pkg", reason="a key in it"), person="bob")
    assert (done.status_code, done.text) == (200, "Deleted 2 files of payments 1.0; the names stay taken\n")
    assert files(payments) == []
    again = payments.send(form("remove_pkg"), person="bob")
    assert (again.status_code, again.text) == (200, "payments 1.0 was deleted before; nothing was written\n")
    refused = payments.publish((WHEEL[0], wheel("payments", "1.0", files={"x.py": b"other"})[1]), person="bob")
    assert refused.status_code == 400


@pytest.mark.parametrize("action", ["yank", "unyank", "remove_pkg"])
def test_each_asks_for_role_write_on_the_project(payments: Site, action: str) -> None:
    for person, status in ((None, 401), ("carol", 403)):
        assert payments.send(form(action), person=person).status_code == status
    assert payments.publish(wheel("others", "1.0")).status_code == 200
    assert payments.send(form(action, "others"), person="bob").status_code == 403
    before = payments.head()
    for name, version in (("payments", "9.9"), ("nothing", "1.0")):
        assert payments.send(form(action, name, version)).status_code == 404
    assert payments.head() == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([(":action", "yank"), ("version", "1.0")], "name: missing"),
        ([(":action", "yank"), ("name", "payments")], "version: missing"),
        (form("yank", "../payments"), "name"),
        (form("yank", version="one"), "version"),
        (form("yank", reason="\x1b[2J"), "reason"),
        (form("yank", reason="x" * 10_000), "reason"),
        ([*form("remove_pkg"), ("name", "other")], "name: given 2 times"),
        ([*form("remove_pkg"), ("content", WHEEL)], "'remove_pkg' is not served here"),
        (form("REMOVE_PKG"), "send one of file_upload, yank, unyank, remove_pkg"),
        (form("\u202eyank"), "send one of file_upload"),
        (form("submit"), "the first upload creates a project"),
    ],
)
def test_what_does_not_say_which_release_is_refused_and_changes_nothing(
    payments: Site, fields: list[Field], said: str
) -> None:
    before = payments.head()
    refused = payments.send(fields)
    assert refused.status_code == 400
    assert said in refused.text
    assert payments.head() == before
    assert payments.drafts() == []
