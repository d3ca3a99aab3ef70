"""Groups: several registries read as one, in which each name has one owner, whoever asks."""

import re
from pathlib import Path

import pytest

from registry.installation import View
from tests.archives import wheel
from tests.registry.web.site import Site, basic, new_site
from tests.registry.web.test_front import asked_twice
from tests.registry.web.test_seeds import JSON

WAYBILL = "organization: acme\nadmins: [alice]\n"
PEOPLE = "alice: {}\nbob: {}\ncarol: {}\n"
GROUP = "/api/v4/groups/42/-/packages/pypi/simple/"


def registry(id_: str, visibility: str, readers: str) -> str:
    return (
        f"kind: source\nvisibility: {visibility}\nprojects: open\n"
        f"known_as: {{gitlab: [{{id: '{id_}', groups: ['42']}}]}}\n"
        f"grants: [{{role: read, to: [{readers}]}}]\n"
    )


def made(folder: Path, visibility: str = "private") -> Site:
    """Two registries of one group: bob reads the second."""
    site = new_site(folder / "data")
    site.policy(
        waybill=WAYBILL,
        people=PEOPLE,
        registries__python__registry=registry("1", "private", "alice"),
        registries__shared__registry=registry("2", visibility, "alice, bob"),
    )
    return site


def published(site: Site, name: str, version: str, where: str) -> None:
    assert site.publish(wheel(name, version), f"/{where}/").status_code == 200


def versions(site: Site, name: str, person: str = "alice") -> list[str]:
    page = site.ask(f"{GROUP}{name}/", person, headers=JSON)
    assert page.status_code == 200, page.text
    found: list[str] = page.get_json(force=True)["versions"]
    return found


def test_a_group_has_the_projects_of_all_its_registries_that_one_may_read(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "secret", "1.0", "python")
    published(site, "tools", "1.0", "shared")
    for person, names in (("alice", ["secret", "tools"]), ("bob", ["tools"])):
        listed = site.ask(GROUP, person, headers=JSON).get_json(force=True)["projects"]
        assert [project["name"] for project in listed] == names
    assert versions(site, "secret") == ["1.0"]
    assert versions(site, "tools", "bob") == ["1.0"]


def test_a_name_of_a_registry_that_one_may_not_read_is_answered_from_no_other(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "secret", "1.0", "python")
    published(site, "secret", "9.9", "shared")
    assert site.ask(f"{GROUP}secret/", "bob").status_code == 403
    assert site.ask(f"{GROUP}secret/", None).status_code == 401
    assert versions(site, "secret") == ["1.0"]
    evil = site.ask("/shared/simple/secret/", "bob", headers=JSON).get_json(force=True)["files"][0]
    url = GROUP.replace("simple/", "") + evil["url"].removeprefix("../../")
    assert site.ask(url, "bob").status_code == 403
    assert site.ask(url, "alice").status_code == 404


def test_of_a_name_without_files_the_registry_that_declares_it_is_the_owner(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(registries__python__projects__tools="{}\n")
    assert versions(site, "tools") == []
    assert site.ask(f"{GROUP}tools/", "bob").status_code == 403
    published(site, "tools", "1.0", "python")
    assert versions(site, "tools") == ["1.0"]
    published(site, "tools", "99.0", "shared")
    assert versions(site, "tools") == ["1.0"]


@pytest.mark.parametrize("files", [["python"], ["python", "shared"], ["shared", "python"], []])
@pytest.mark.parametrize("declaring", [["shared"], ["python"], ["python", "shared"]])
def test_a_name_that_one_registry_declares_and_another_has_or_declares_is_refused_with_how_to_end_it(
    tmp_path: Path, files: list[str], declaring: list[str]
) -> None:
    site = made(tmp_path)
    for where in files:
        published(site, "tools", "1.0" if where == "python" else "99.0", where)
    site.policy(**{f"registries__{where}__projects__tools": "{}\n" for where in declaring})
    owners = {*files[:1], *declaring}
    if len(owners) == 1:
        assert versions(site, "tools") == [{"python": "1.0", "shared": "99.0"}[where] for where in files[:1]]
        return
    for path in (f"{GROUP}tools/", GROUP.replace("simple/", f"files/{'0' * 64}/tools-1.0-py3-none-any.whl")):
        refused = site.ask(path, "alice")
        assert refused.status_code == 403
        assert "/projects/tools.yaml declares 'tools'" in refused.text
        assert "take one registry out of the group" in refused.text
        assert site.ask(path, None).status_code == 401
        hidden = site.ask(path, "bob")  # who may not read one of them learns nothing of the conflict
        assert hidden.status_code == 403
        assert "declares" not in hidden.text
    assert site.ask(GROUP, "alice", headers=JSON).get_json(force=True)["projects"] == []


def test_a_registry_that_joins_a_group_takes_no_name_from_one_that_had_it_there(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "payments-core", "1.0", "python")
    site.policy(registries__sandbox__registry="projects: open\n")
    published(site, "payments-core", "99.0", "sandbox")
    site.policy(registries__sandbox__registry=registry("66", "private", "alice"))
    assert versions(site, "payments-core") == ["1.0"]
    site.policy(**{"registries__sandbox__projects__payments-core": "{}\n"})
    assert site.ask(f"{GROUP}payments-core/", "alice").status_code == 403


def test_an_unknown_name_is_404_to_who_may_read_and_401_to_strangers_while_anything_is_private(tmp_path: Path) -> None:
    site = made(tmp_path, "public")
    published(site, "tools", "1.0", "shared")
    assert site.ask(f"{GROUP}unknown/", "bob").status_code == 404
    assert site.ask(f"{GROUP}unknown/", None).status_code == 401
    assert site.ask(f"{GROUP}tools/", None).status_code == 200
    site.policy(registries__python__registry=registry("1", "public", "alice"))
    assert site.ask(f"{GROUP}unknown/", None).status_code == 404


def test_who_may_read_nothing_of_a_group_is_refused_whatever_the_name(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(registries__shared__registry=registry("2", "private", "alice"))
    published(site, "tools", "1.0", "shared")
    for path in (GROUP, f"{GROUP}tools/", f"{GROUP}unknown/"):
        assert site.ask(path, "bob").status_code == 403
        assert site.ask(path, None).status_code == 401


@pytest.mark.parametrize("where", ["python", "shared"])
def test_an_answer_of_a_group_is_not_repeated_once_another_registry_owns_the_name(tmp_path: Path, where: str) -> None:
    site = made(tmp_path)
    auth = {"Authorization": f"Bearer {site.token()}", **JSON}
    first, again, alone = asked_twice(site, f"{GROUP}tools/", auth)
    assert first == again == alone
    assert first[0].startswith("404")
    published(site, "tools", "1.0", where)
    first, again, alone = asked_twice(site, f"{GROUP}tools/", auth)
    assert first == again == alone
    assert first[0] == "200 OK"
    site.policy(**{f"registries__{'shared' if where == 'python' else 'python'}__projects__tools": "{}\n"})
    first, again, alone = asked_twice(site, f"{GROUP}tools/", auth)
    assert first == again == alone
    assert b"1.0" not in first[2]


def test_the_past_of_a_group_cannot_be_asked_for(tmp_path: Path) -> None:
    site = made(tmp_path)
    assert site.ask("/api/v4/groups/42/-/packages/pypi/@2026-01-01/simple/").status_code == 404


@pytest.mark.parametrize("path", [f"{GROUP}core/", f"{GROUP}core/".replace("42", "acme"), "/pypi/simple/core/"])
def test_an_answer_that_the_policy_changed_in_the_middle_of_is_not_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    site = made(tmp_path)
    named = WAYBILL + "default_registry: {}\n"
    site.policy(waybill=named.format("python"))
    published(site, "core", "1.0", "python")
    published(site, "core", "7.0", "shared")
    headers = {"Authorization": basic("__token__", site.token("alice")), **JSON}
    look, looks = site.installation.view, 0

    def view() -> View:
        nonlocal looks
        looks += 1
        if looks == 2:
            site.policy(waybill=named.format("shared"), registries__shared__projects__core="{}\n")
        return look()

    monkeypatch.setattr(site.installation, "view", view)
    _, again, alone = asked_twice(site, path, headers)
    assert looks > 2
    assert again == alone


def test_who_may_not_read_a_name_in_a_group_hears_of_no_registry(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "secret", "1.0", "python")
    for person, names in ((None, ("secret", "none")), ("bob", ("secret",)), ("carol", ("secret", "none"))):
        said = {site.ask(f"{GROUP}{name}/", person).text for name in names}
        assert len(said) == 1
        assert not re.search(r"\b(python|shared)\b", said.pop())
