"""GitLab's packages API: what is there, by the numbers that its users delete by."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from registry.cli import data
from registry.policy.roles import Role, Scope
from registry.web.faces import create_app
from registry.web.seeds import gitlab_lists
from tests.archives import sdist, wheel
from tests.registry.web.site import Site, new_site

PEOPLE = "alice: {}\nbob: {}\ncarol: {}\n"
KNOWN = """\
kind: source
visibility: private
projects: open
known_as: {gitlab: [{id: "123", path: acme/payments, groups: ["42"]}]}
grants:
  - {role: write, to: [bob], projects: ["tools*"]}
  - {role: read, to: [carol]}
"""
OTHER = KNOWN.replace('"123"', '"124"').replace("acme/payments", "acme/deep/other")
PACKAGES = "/api/v4/projects/123/packages"
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = new_site(tmp_path / "data")
    made.policy(people=PEOPLE, registries__python__registry=KNOWN, registries__other__registry=OTHER)
    for name, version in (("tools", "1.0"), ("payments", "1.0"), ("tools", "1.10"), ("tools-extra", "1.9")):
        assert made.publish(wheel(name, version)).status_code == 200
    assert made.publish(sdist("tools", "1.0")).status_code == 200
    return made


def asked(site: Site, path: str = "", person: str | None = "alice", method: str = "GET", **query: str) -> TestResponse:
    """Ask as GitLab's documentation does, by its own header."""
    headers = {"Private-Token": site.token(person)} if person else {}
    return site.ask(PACKAGES + path, None, method=method, headers=headers, query=query)


def listed(site: Site, person: str = "alice", **query: str) -> list[tuple[str, str]]:
    response = asked(site, "", person, **query)
    assert response.status_code == 200, response.text
    return [(one["name"], one["version"]) for one in response.get_json()]


def number_of(site: Site, name: str, version: str) -> int:
    [found] = asked(site, package_name=name, package_version=version, per_page="1").get_json()
    number: int = found["id"]
    return number


def test_packages_are_listed_as_they_came_and_in_the_orders_that_gitlab_has(site: Site) -> None:
    came = [("tools", "1.0"), ("payments", "1.0"), ("tools", "1.10"), ("tools-extra", "1.9")]
    assert listed(site) == listed(site, order_by="type") == came
    assert listed(site, sort="desc") == came[::-1]
    assert listed(site, order_by="name") == [came[1], came[0], came[2], came[3]]
    assert listed(site, order_by="version") == [came[1], came[0], came[3], came[2]]  # 1.9 comes before 1.10


def test_a_list_has_what_is_asked_for_by_name_version_and_type(site: Site) -> None:
    assert listed(site, package_name="Tools_e") == [("tools-extra", "1.9")]
    assert listed(site, package_version="1.0.0") == [("tools", "1.0"), ("payments", "1.0")]
    assert listed(site, package_version="none") == []
    assert len(listed(site, package_type="pypi", status="default")) == 4
    assert listed(site, package_type="npm") == listed(site, status="hidden") == []
    for query in ({"package_type": "pipy"}, {"order_by": "size"}, {"sort": "up"}, {"page": "x"}):
        refused = asked(site, **query)
        assert refused.status_code == 400
        assert next(iter(query)) in refused.get_json()["message"]


def test_a_list_comes_in_pages_with_the_headers_that_clients_ask_on_by(site: Site) -> None:
    first = asked(site, per_page="3", sort="desc")
    assert len(first.get_json()) == 3
    said = {name: first.headers[f"X-{name}"] for name in ("Page", "Per-Page", "Prev-Page", "Next-Page", "Total")}
    assert said == {"Page": "1", "Per-Page": "3", "Prev-Page": "", "Next-Page": "2", "Total": "4"}
    assert first.headers["X-Total-Pages"] == "2"
    [following] = [link for link in first.headers["Link"].split(", ") if link.endswith('rel="next"')]
    path, _, query = following.removeprefix("<http://localhost").partition(">")[0].partition("?")
    second = site.ask(path, query=dict(pair.split("=") for pair in query.split("&")))
    assert [(one["name"], one["version"]) for one in second.get_json()] == [("tools", "1.0")]
    assert (second.headers["X-Prev-Page"], second.headers["X-Next-Page"]) == ("1", "")
    assert asked(site, page="9").get_json() == []
    assert asked(site, per_page="1000").headers["X-Per-Page"] == "100"


def test_where_more_fit_than_a_list_is_made_of_it_says_to_ask_for_fewer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitlab_lists, "MOST", 3)
    refused = asked(site)
    assert refused.status_code == 400
    assert refused.get_json()["message"].startswith("package_name: more than 3 packages fit")
    assert len(listed(site, package_name="tools")) == 3


def test_a_package_is_shown_alone_as_in_the_list_and_its_files_in_the_order_they_came(site: Site) -> None:
    shown = asked(site).get_json()[0]
    assert (shown["name"], shown["package_type"], shown["status"]) == ("tools", "pypi", "default")
    assert asked(site, f"/{shown['id']}").get_json() == shown
    files = asked(site, f"/{shown['id']}/package_files").get_json()
    assert [file["file_name"] for file in files] == [wheel("tools", "1.0")[0], sdist("tools", "1.0")[0]]
    assert [file["size"] for file in files] == [len(wheel("tools", "1.0")[1]), len(sdist("tools", "1.0")[1])]
    assert {file["package_id"] for file in files} == {shown["id"]}
    assert len(asked(site, f"/{shown['id']}/package_files", per_page="1").get_json()) == 1


def test_a_package_keeps_its_number_whatever_happens_to_it(site: Site, tmp_path: Path) -> None:
    before = number_of(site, "tools", "1.0")
    path = "/-/api/v1/registries/python/projects/tools/releases/1.0"
    first = f"{path}/files/{wheel('tools', '1.0')[0]}"
    assert site.ask(f"{path}/yank", method="PUT", data=b"{}").status_code == 200
    assert site.ask(first, method="DELETE").status_code == 200  # the file that the number comes from
    assert number_of(site, "tools", "1.0") == before
    assert site.ask(path, method="DELETE").status_code == 200
    assert asked(site, f"/{before}").status_code == 404
    assert site.ask(f"{path}/restore", method="POST").status_code == 200
    assert number_of(site, "tools", "1.0") == before
    assert site.ask(f"{first}/restore", method="POST").status_code == 200
    installation = data.open_installation(tmp_path / "data")  # as after a restart, with nothing remembered
    again = replace(site, installation=installation, app=create_app(installation))
    assert number_of(again, "tools", "1.0") == before
    assert len(asked(again, f"/{before}/package_files").get_json()) == 2


def test_no_other_number_means_a_package(site: Site) -> None:
    shown = asked(site).get_json()[0]
    [_, second] = asked(site, f"/{shown['id']}/package_files").get_json()
    near = [shown["id"] + step for step in (-2, -1, 1, 2, 2**25, -(2**25))]
    near.append(shown["id"] >> 25 << 25)  # the place of the commit alone, which can be counted
    for number in (*near, second["id"], *range(20), 987654, 10**15, 10**40, "nonsense", "1.5", "-1", "pypi"):
        refused = asked(site, f"/{number}", method="DELETE")
        assert refused.status_code in {404, 405}, number
        assert asked(site, f"/{number}").status_code in {404, 405}, number
    for number in (second["id"] + 2, shown["id"], 0, "x"):
        path = f"/{shown['id']}/package_files/{number}"
        assert asked(site, path, method="DELETE").status_code == 404, number
    assert len(listed(site)) == 4


def test_a_number_means_nothing_in_another_project(site: Site) -> None:
    number = number_of(site, "tools", "1.0")
    for path in (f"/api/v4/projects/124/packages/{number}", f"/api/v4/projects/124/packages/{number}/package_files"):
        assert site.ask(path).status_code == 404
    assert site.ask(f"/api/v4/projects/124/packages/{number}", method="DELETE").status_code == 404
    route = "/-/api/v1/registries/python/projects/tools/releases/1.0/promote"
    assert site.ask(route, method="POST", data=b'{"to": "other"}').status_code == 200
    [there] = site.ask("/api/v4/projects/acme%2Fdeep%2Fother/packages").get_json()
    assert there["id"] != number
    assert site.ask(f"/api/v4/projects/124/packages/{there['id']}", method="DELETE").status_code == 204
    assert number_of(site, "tools", "1.0") == number


def test_a_package_is_deleted_by_who_may_write_and_leaves_tombstones(site: Site) -> None:
    tools, payments = number_of(site, "tools", "1.0"), number_of(site, "payments", "1.0")
    assert asked(site, f"/{tools}", None, "DELETE").status_code == 401
    assert asked(site, f"/{tools}", "carol", "DELETE").status_code == 403
    assert asked(site, f"/{payments}", "bob", "DELETE").status_code == 404
    gone = asked(site, f"/{tools}", "bob", "DELETE")
    assert (gone.status_code, gone.data) == (204, b"")
    assert asked(site, f"/{tools}", "bob", "DELETE").status_code == 404
    assert ("tools", "1.0") not in listed(site)
    route = "/-/api/v1/registries/python/projects/tools/releases/1.0"
    assert {file["deleted"]["by"] for file in site.ask(route).get_json()["files"]} == {"bob"}
    changed = site.publish(wheel("tools", "1.0", files={"tools.py": b"other = 1\n"}))
    assert changed.status_code == 400
    assert site.ask(f"{route}/restore", method="POST").status_code == 200


def test_a_file_is_deleted_by_its_number_and_the_rest_of_the_package_stays(site: Site) -> None:
    tools = number_of(site, "tools", "1.0")
    [first, second] = asked(site, f"/{tools}/package_files").get_json()
    path = f"/{tools}/package_files/{first['id']}"
    assert asked(site, path, "carol", "DELETE").status_code == 403
    assert asked(site, path, "bob", "DELETE").status_code == 204
    assert asked(site, path, "bob", "DELETE").status_code == 404
    assert asked(site, f"/{tools}/package_files").get_json() == [second]


def test_a_number_of_a_file_does_not_mean_other_bytes_that_took_its_name(site: Site) -> None:
    site.policy(registries__python__registry=KNOWN + "republish: allowed\n")
    tools = number_of(site, "tools", "1.0")
    [first, _] = asked(site, f"/{tools}/package_files").get_json()
    assert asked(site, f"/{tools}/package_files/{first['id']}", method="DELETE").status_code == 204
    changed = site.publish(wheel("tools", "1.0", files={"tools.py": b"other = 1\n"}))
    assert changed.status_code == 200, changed.text
    assert asked(site, f"/{tools}/package_files/{first['id']}", method="DELETE").status_code == 404
    files = asked(site, f"/{tools}/package_files").get_json()
    assert {file["file_name"] for file in files} == {wheel("tools", "1.0")[0], sdist("tools", "1.0")[0]}


def test_nobody_sees_packages_that_they_may_not_read(site: Site) -> None:
    number = number_of(site, "payments", "1.0")
    assert asked(site, "", None).status_code == 401
    assert asked(site, f"/{number}", None).status_code == 401
    assert listed(site, "bob") == [("tools", "1.0"), ("tools", "1.10"), ("tools-extra", "1.9")]
    assert asked(site, f"/{number}", "bob").status_code == 404
    assert asked(site, f"/{number}/package_files", "bob").status_code == 404
    [shown] = asked(site, "", "carol", package_name="payments").get_json()
    assert shown["_links"] == {}  # carol may not delete it
    [shown] = asked(site, package_name="payments").get_json()
    assert shown["_links"]["delete_api_path"].endswith(f"/api/v4/projects/acme%2Fpayments/packages/{number}")


def test_a_group_lists_each_name_as_its_owner_has_it_and_to_who_may_read_it_there(site: Site) -> None:
    for archive in (wheel("tools", "9.9"), wheel("others", "1.0")):
        assert site.publish(archive, "/other/").status_code == 200
    seen = {}
    for person in ("alice", "bob", "carol"):
        for group in ("42", "acme"):
            found = site.ask(f"/api/v4/groups/{group}/packages", person, query={"order_by": "project_path"}).get_json()
            seen[person] = [(one["project_path"], one["name"], one["version"]) for one in found]
    own = [
        ("acme/payments", "tools", "1.0"),
        ("acme/payments", "tools", "1.10"),
        ("acme/payments", "tools-extra", "1.9"),
    ]
    assert seen["bob"] == own
    everything = [("acme/deep/other", "others", "1.0"), ("acme/payments", "payments", "1.0"), *own]
    assert seen["alice"] == seen["carol"] == everything  # tools 9.9 is of a name that another registry has
    for known, id_ in ((OTHER, 124), (OTHER.replace('id: "124", ', ""), "acme/deep/other")):
        site.policy(registries__other__registry=known)
        [shown] = site.ask("/api/v4/groups/42/packages", query={"package_name": "others"}).get_json()
        assert shown["project_id"] == id_  # whichever it is, clients put it into an address
        alone = site.ask(f"/api/v4/projects/{quote(str(id_), safe='')}/packages/{shown['id']}").get_json()
        assert {**alone, "project_id": id_, "project_path": "acme/deep/other"} == shown


def test_a_name_that_is_nobodys_in_a_group_is_not_listed_and_strangers_see_nothing(site: Site) -> None:
    group = "/api/v4/groups/42/packages"
    site.policy(registries__other__projects__payments="{}\n")
    assert "payments" not in {one["name"] for one in site.ask(group).get_json()}
    assert site.ask(group, None).status_code == 401
    assert site.ask(group, None, headers={"Private-Token": site.token("bob")}).headers["X-Total"] == "3"
    assert site.ask("/api/v4/groups/nobody/packages").status_code == 404
    refused = site.ask(group, query={"exclude_subgroups": "true"})
    assert refused.status_code == 400
    assert "exclude_subgroups" in refused.get_json()["message"]


@pytest.mark.parametrize("header", ["Private-Token", "Job-Token"])
def test_a_token_in_a_header_of_gitlab_gives_what_it_gives_elsewhere(site: Site, header: str) -> None:
    narrow = site.limited("alice", Scope(Role.READ, (), ("payments",)))
    for secret, seen in ((site.token(), 4), (narrow, 1)):
        found = site.ask(PACKAGES, None, headers={header: secret})
        assert len(found.get_json()) == seen
    number = number_of(site, "payments", "1.0")
    assert site.ask(f"{PACKAGES}/{number}", None, method="DELETE", headers={header: narrow}).status_code == 403
    for wrong in ("", "wb_nobody_has_this", f"{site.token()} x", "a:b", "\xe9"):
        assert site.ask(PACKAGES, None, headers={header: wrong}).status_code == 401, wrong
    assert site.ask(PACKAGES, "bob", headers={header: site.token()}).get_json() != []
    assert len(site.ask(PACKAGES, "bob", headers={header: site.token()}).get_json()) == 3  # as Authorization has it
    assert site.secrets["alice"] not in "".join(site.lines)


def test_where_a_registry_cannot_be_read_no_list_is_given(site: Site) -> None:
    site.policy(registries__python__registry="nonsense: true\n")
    assert asked(site).status_code == 403
    assert asked(site, "", None).status_code == 401


def test_the_number_of_what_one_may_not_read_means_nothing_as_one_that_nobody_gave_does(site: Site) -> None:
    hidden, own = number_of(site, "payments", "1.0"), number_of(site, "tools", "1.0")
    assert asked(site, f"/{own}", "bob").status_code == 200
    for path, method in (("", "GET"), ("", "DELETE"), ("/package_files", "GET")):
        unknown = asked(site, f"/{hidden + 2}{path}", "bob", method)
        answer = asked(site, f"/{hidden}{path}", "bob", method)
        assert unknown.status_code == answer.status_code == 404
        assert answer.text.replace(str(hidden), "") == unknown.text.replace(str(hidden + 2), "")
    assert asked(site, f"/{hidden}").status_code == 200
