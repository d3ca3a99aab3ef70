"""Composite registries: several as one index, where no upload or declaration moves a name and nobody reads more."""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from freezegun import freeze_time

from registry.policy.roles import Scope
from tests.archives import wheel
from tests.registry.web.site import Site, basic, new_site
from tests.registry.web.test_front import asked_twice
from tests.registry.web.test_seeds import JSON

PEOPLE = "alice: {}\nbob: {}\ncarol: {}\n"
ALL = "kind: composite\nvisibility: internal\nupstreams:\n  - registry: python\n  - registry: shared\n"
INDEX = "/all/simple/"


def source(visibility: str, readers: str) -> str:
    return f"kind: source\nvisibility: {visibility}\nprojects: open\ngrants: [{{role: read, to: [{readers}]}}]\n"


def made(folder: Path, composite: str = ALL, visibility: str = "private") -> Site:
    """Two registries and a composite of both: bob reads the second of them, carol none."""
    site = new_site(folder / "data")
    site.policy(
        people=PEOPLE,
        registries__python__registry=source(visibility, "alice"),
        registries__shared__registry=source(visibility, "alice, bob"),
        registries__all__registry=composite,
    )
    return site


def published(site: Site, name: str, version: str, where: str) -> None:
    assert site.publish(wheel(name, version), f"/{where}/").status_code == 200


def versions(site: Site, name: str, person: str = "alice", at: str = INDEX) -> list[str]:
    page = site.ask(f"{at}{name}/", person, headers=JSON)
    assert page.status_code == 200, page.text
    found: list[str] = page.get_json(force=True)["versions"]
    return found


def names(site: Site, person: str = "alice", at: str = INDEX) -> list[str]:
    listed = site.ask(at, person, headers=JSON)
    assert listed.status_code == 200, listed.text
    return [project["name"] for project in listed.get_json(force=True)["projects"]]


def file_at(site: Site, name: str, person: str = "alice") -> str:
    listed = site.ask(f"{INDEX}{name}/", person, headers=JSON).get_json(force=True)
    found: str = listed["files"][0]["url"]
    return "/all/" + found.removeprefix("../../")


def test_a_composite_is_one_index_of_what_its_registries_have(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "python")
    published(site, "tools", "2.0", "shared")
    assert names(site) == ["core", "tools"]
    assert versions(site, "core") == ["1.0"]
    assert versions(site, "Tools") == ["2.0"]
    url = file_at(site, "tools")
    assert site.ask(url, "alice").data == wheel("tools", "2.0")[1]
    assert b"Name: tools" in site.ask(f"{url}.metadata", "alice").data
    html = site.ask(INDEX, "alice").text
    assert '<a href="tools/">' in html
    release = site.ask("/all/pypi/tools/json", "alice").get_json()
    assert release["info"]["version"] == "2.0"
    assert all("/all/files/" in file["url"] for file in release["urls"])
    assert site.ask("/acme/all/pypi/simple/tools/", "alice").status_code == 200


def test_of_a_composite_everybody_sees_what_they_may_read_elsewhere_and_no_more(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "python")
    published(site, "tools", "2.0", "shared")
    url = file_at(site, "core")
    assert names(site, "bob") == ["tools"]
    for path in (f"{INDEX}core/", url, f"{url}.metadata", "/all/pypi/core/json"):
        assert site.ask(path, "alice").status_code == 200
        assert site.ask(path, "bob").status_code == 403
        assert site.ask(path, None).status_code == 401
    for path in (INDEX, f"{INDEX}core/", f"{INDEX}tools/", f"{INDEX}unknown/"):
        assert site.ask(path, "carol").status_code == 403


def test_a_composite_has_a_visibility_of_its_own_beside_those_of_its_registries(tmp_path: Path) -> None:
    site = made(tmp_path, ALL.replace("internal", "private") + "grants: [{role: read, to: [bob], projects: [to*]}]\n")
    published(site, "core", "1.0", "python")
    published(site, "tools", "2.0", "shared")
    assert versions(site, "tools", "bob") == ["2.0"]
    assert site.ask(f"{INDEX}core/", "bob").status_code == 403
    assert site.ask(f"{INDEX}tools/", "carol").status_code == 403
    assert site.ask("/shared/simple/tools/", "alice").status_code == 200


def test_nobody_in_particular_reads_a_public_composite_of_public_registries_alone(tmp_path: Path) -> None:
    site = made(tmp_path, ALL.replace("internal", "public"), "public")
    published(site, "core", "1.0", "python")
    assert names(site, at=INDEX, person="") == ["core"]
    assert site.ask(f"{INDEX}core/", None).status_code == 200
    assert site.ask(f"{INDEX}unknown/", None).status_code == 404
    site.policy(registries__shared__registry=source("private", "alice"))
    assert site.ask(f"{INDEX}core/", None).status_code == 200
    assert site.ask(f"{INDEX}unknown/", None).status_code == 401  # 404 would tell what the private one does not have
    assert site.ask(INDEX, None).status_code == 401


UNKNOWN = (f"{INDEX}core/", f"/all/files/{'0' * 64}/core-1.0-py3-none-any.whl", "/all/pypi/core/json")


def test_an_unknown_name_is_404_to_who_may_read_all_of_it_and_no_other_can_tell_it_from_a_hidden_one(
    tmp_path: Path,
) -> None:
    site = made(tmp_path, ALL.replace("internal", "public"))
    before = [site.ask(path, person) for path in UNKNOWN for person in ("bob", "carol", None)]
    assert [answer.status_code for answer in before] == [403, 403, 401] * len(UNKNOWN)
    assert [site.ask(path, "alice").status_code for path in UNKNOWN] == [404] * len(UNKNOWN)
    published(site, "core", "1.0", "python")
    after = [site.ask(path, person) for path in UNKNOWN for person in ("bob", "carol", None)]
    assert [answer.text for answer in after] == [answer.text for answer in before]
    for answer in (*after, site.ask(INDEX, "carol"), site.ask(INDEX, None)):
        assert answer.status_code in {401, 403}
        assert not re.search(r"\b(python|shared)\b", answer.text)


@pytest.mark.parametrize("first", ["python", "shared"])
def test_an_upload_to_one_registry_takes_no_name_from_another(tmp_path: Path, first: str) -> None:
    site = made(tmp_path)
    second = "shared" if first == "python" else "python"
    published(site, "core", "1.0", first)
    published(site, "core", "99.0", second)
    assert versions(site, "core") == ["1.0"]
    other = site.ask(f"/{second}/simple/core/", headers=JSON).get_json(force=True)["files"][0]["url"]
    assert site.ask("/all/" + other.removeprefix("../../"), "alice").status_code == 404


def test_a_name_of_a_registry_that_one_may_not_read_is_answered_from_no_other(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "secret", "1.0", "python")
    published(site, "secret", "9.9", "shared")
    assert site.ask(f"{INDEX}secret/", "bob").status_code == 403
    assert names(site, "bob") == []
    assert versions(site, "secret") == ["1.0"]


@pytest.mark.parametrize("files", [[], ["python"], ["shared"], ["python", "shared"], ["shared", "python"]])
@pytest.mark.parametrize("declaring", [["python"], ["shared"], ["python", "shared"]])
def test_a_name_that_one_registry_declares_and_another_has_or_declares_is_refused_until_the_composite_says_whose_it_is(
    tmp_path: Path, files: list[str], declaring: list[str]
) -> None:
    site = made(tmp_path)
    for where in files:
        published(site, "core", "1.0" if where == "python" else "99.0", where)
    site.policy(**{f"registries__{where}__projects__core": "{}\n" for where in declaring})
    owners = {*files[:1], *declaring}
    if len(owners) > 1:
        for path in (f"{INDEX}core/", f"/all/files/{'0' * 64}/core-1.0-py3-none-any.whl", "/all/pypi/core/json"):
            refused = site.ask(path, "alice")
            assert refused.status_code == 403
            assert "/projects/core.yaml declares 'core'" in refused.text
            assert "owns: [core]" in refused.text
            assert "declares" not in site.ask(path, "bob").text  # who may not read both learns nothing of it
        assert names(site) == []
    for owner in ("python", "shared"):
        site.policy(registries__all__registry=ALL.replace(f": {owner}\n", f": {owner}\n    owns: [co*]\n"))
        if owner in files:
            assert versions(site, "core") == [{"python": "1.0", "shared": "99.0"}[owner]]
            assert names(site) == ["core"]
        elif owner in declaring:
            assert versions(site, "core") == []
        else:
            assert site.ask(f"{INDEX}core/", "alice").status_code == 404
            assert names(site) == []
        expected = 403 if owner == "python" else 200 if owner in {*files, *declaring} else 404
        assert site.ask(f"{INDEX}core/", "bob").status_code == expected


def test_a_clock_that_is_set_back_takes_a_name_from_no_registry(tmp_path: Path) -> None:
    site = made(tmp_path)
    with freeze_time("2027-01-01T10:00:00.700Z"):
        published(site, "core", "1.0", "shared")
        published(site, "same", "1.0", "shared")
        published(site, "same", "99.0", "python")
    with freeze_time("2027-01-01T09:59:50Z"):
        published(site, "core", "99.0", "python")
    assert versions(site, "core") == ["1.0"]
    refused = site.ask(f"{INDEX}same/", "alice")  # of one moment: nobody can tell which was the first
    assert refused.status_code == 403
    assert "registry python has files of 'same' and registry shared has files of 'same'" in refused.text


def test_a_declaration_that_cannot_be_read_keeps_its_name(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(registries__python__projects__core="grant: []\n")
    assert site.ask(f"{INDEX}core/", "bob").status_code == 403
    published(site, "core", "99.0", "shared")
    for person in ("alice", "bob"):
        assert site.ask(f"{INDEX}core/", person).status_code == 403


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (None, "registries/shared/registry.yaml does not exist"),
        ("kind: sauce\n", "registries/shared/registry.yaml:1"),
        ("kind: remote\nupstreams: [{url: 'https://index.example/simple/'}]\n", "of kind remote"),
        ("kind: composite\nupstreams: [{registry: python}]\n", "which is a composite itself"),
    ],
)
def test_while_a_registry_of_it_cannot_be_asked_a_composite_answers_nothing(
    tmp_path: Path, member: str | None, said: str
) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "python")
    url = file_at(site, "core")
    site.policy(registries__shared__registry=member)
    for path in (INDEX, f"{INDEX}core/", f"{INDEX}unknown/", url):
        refused = site.ask(path, "alice")
        assert refused.status_code == 403
        assert said in refused.text
        stranger = site.ask(path, None)
        assert stranger.status_code == 401
        assert "shared" not in stranger.text
    site.policy(registries__all__registry=ALL.replace("internal", "private"))
    assert "shared" not in site.ask(INDEX, "carol").text  # nor does who has no right on the composite
    assert site.ask("/python/simple/core/", "alice").status_code == 200


def test_a_token_limited_to_a_composite_reads_there_and_nowhere_else(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "python")
    published(site, "tools", "2.0", "shared")
    sent = {"Authorization": basic("__token__", site.limited("bob", Scope(registries=("all",))))}
    assert site.ask(f"{INDEX}tools/", None, headers=sent).status_code == 200
    assert site.ask(f"{INDEX}core/", None, headers=sent).status_code == 403
    assert site.ask("/shared/simple/tools/", None, headers=sent).status_code == 403
    sent = {"Authorization": basic("__token__", site.limited("bob", Scope(registries=("shared",))))}
    assert site.ask(f"{INDEX}tools/", None, headers=sent).status_code == 403


def test_a_composite_answers_for_the_past_as_it_was_made_up_then(tmp_path: Path) -> None:
    with freeze_time("2026-11-01T10:00:00Z"):
        site = made(tmp_path)
    with freeze_time("2026-11-01T11:00:00Z"):
        published(site, "core", "1.0", "python")
        before = site.head()
    published(site, "core", "2.0", "python")
    published(site, "core", "99.0", "shared")
    published(site, "tools", "2.0", "shared")
    for now in (
        ALL,
        ALL.replace(": shared\n", ": shared\n    owns: [core]\n"),
        ALL.replace("  - registry: python\n", ""),
        source("private", "alice"),
    ):
        site.policy(registries__all__registry=now)
        for past in (f"/all/@{before}/simple/", "/all/@2026-11-01/simple/"):
            assert names(site, at=past) == ["core"]
            assert versions(site, "core", at=past) == ["1.0"]
            assert site.ask(f"{past}tools/", "alice").status_code == 404
            assert site.ask(f"{past}core/", "bob").status_code == 403


def test_what_the_front_repeats_of_a_composite_ends_when_a_name_moves_or_a_right_ends(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "shared")
    headers = {"Authorization": basic("__token__", site.token("bob")), **JSON}
    for path in (INDEX, f"{INDEX}core/", f"{INDEX}later/", file_at(site, "core")):
        first, again, alone = asked_twice(site, path, headers)
        assert first == again == alone
    published(site, "later", "1.0", "shared")
    assert site.ask(f"{INDEX}later/", "bob").status_code == 200
    assert versions(site, "later", "bob") == ["1.0"]
    assert names(site, "bob") == ["core", "later"]
    site.policy(registries__python__projects__core="{}\n")
    assert site.ask(f"{INDEX}core/", "bob").status_code == 403
    site.policy(registries__all__registry=ALL.replace(": shared\n", ": shared\n    owns: [core]\n"))
    assert versions(site, "core", "bob") == ["1.0"]
    site.policy(registries__shared__registry=source("private", "alice"))
    assert site.ask(f"{INDEX}later/", "bob").status_code == 403


def test_a_composite_takes_nothing_and_the_api_answers_for_its_registries(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "tools", "2.0", "shared")
    assert "takes no uploads" in site.publish(wheel("tools", "3.0"), "/all/").text
    listed = site.ask("/-/api/v1/registries", "bob").get_json()["registries"]
    found = {one["name"]: (one["kind"], one["upstreams"]) for one in listed}
    assert found == {"all": ("composite", ["shared"]), "shared": ("source", [])}  # no name of what bob may not read
    refused = site.ask("/-/api/v1/registries/all/projects/tools", "bob")
    assert refused.status_code == 403
    assert "ask those" in refused.get_json()["detail"]


def test_explain_and_who_can_answer_for_a_composite_as_it_does(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "python")
    published(site, "tools", "2.0", "shared")
    for project in ("core", "tools", "unknown"):
        question = {"action": "read", "registry": "all", "project": project}
        allowed = {}
        for person in ("alice", "bob", "carol"):
            query = {**question, "principal": person}
            allowed[person] = site.ask("/-/api/v1/explain", query=query).get_json()["allowed"]
            assert allowed[person] == (site.ask(f"{INDEX}{project}/", person).status_code in {200, 404})
        can = site.ask("/-/api/v1/who-can", query=question).get_json()["principals"]
        assert [one["principal"] for one in can] == [person for person in allowed if allowed[person]]
    site.policy(registries__all__registry=ALL + "grants: [{role: admin, to: [alice]}]\n")
    for action in ("publish", "yank", "delete", "administer"):
        question = {"action": action, "registry": "all", "project": "core"}
        told = site.ask("/-/api/v1/explain", query={**question, "principal": "alice"}).get_json()
        assert not told["allowed"]
        assert "takes no uploads" in told["reason"] or "is a composite" in told["reason"]
        assert site.ask("/-/api/v1/who-can", query=question).get_json()["principals"] == []


def test_what_one_may_ask_about_a_composite_takes_the_same_right_on_all_of_it(tmp_path: Path) -> None:
    site = made(tmp_path, ALL + "grants: [{role: admin, to: [bob]}]\n")
    question = {"action": "read", "registry": "all", "project": "core"}
    assert site.ask("/-/api/v1/who-can", "bob", query=question).status_code == 403
    assert site.ask("/-/api/v1/explain", "bob", query={**question, "principal": "carol"}).status_code == 403
    assert site.ask("/-/api/v1/explain", "bob", query={**question, "principal": "bob"}).status_code == 200


@pytest.mark.parametrize(
    "key", ["projects: open", "republish: never", "closes_after_days: 3", "accepts: []", "publishers: []"]
)
def test_what_is_about_uploads_is_refused_in_a_composite(tmp_path: Path, key: str) -> None:
    site = made(tmp_path)
    site.policy(registries__all__registry=f"{ALL}{key}\n")
    assert "a composite takes no uploads" in site.ask(INDEX, "alice").text


def test_explain_about_oneself_names_nothing_that_is_behind_a_composite(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "python")
    asked = {"action": "read", "registry": "all", "principal": "carol"}
    said = {
        name: site.ask("/-/api/v1/explain", "carol", query={**asked, "project": name}).get_json()
        for name in ("core", "none")
    }
    assert said["core"]["allowed"] is said["none"]["allowed"] is False
    assert said["core"]["reason"].replace("core", "none") == said["none"]["reason"]
    assert not re.search(r"\b(python|shared)\b", said["core"]["reason"])


def test_what_a_forge_merges_later_and_made_earlier_does_not_change_the_past(tmp_path: Path) -> None:
    with freeze_time("2027-01-01T10:00:00Z"):
        site = made(tmp_path)
    with freeze_time("2027-01-01T12:00:00Z"):
        published(site, "core", "1.0", "python")
        past = f"/all/@{site.head()}/simple/"
    with freeze_time("2027-01-01T11:00:00Z"):
        site.policy(registries__all__registry=ALL.replace(": shared\n", ": shared\n    owns: [core]\n"))
    assert versions(site, "core", at=past) == ["1.0"]


def test_files_of_the_past_are_where_they_belong_and_a_limited_token_reads_what_is_behind_now(tmp_path: Path) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "python")
    past = f"/all/@{site.head()}/simple/"
    sent = {"Authorization": basic("__token__", site.limited("alice", Scope(registries=("all",)))), **JSON}
    assert site.ask(f"{past}core/", None, headers=sent).status_code == 200
    site.policy(registries__all__registry=ALL.replace("  - registry: python\n", ""))
    page = site.ask(f"{past}core/", "alice", headers=JSON).get_json(force=True)
    url = urljoin(f"{past}core/", page["files"][0]["url"])
    assert site.ask(url.partition("#")[0], "alice").data == wheel("core", "1.0")[1]
    assert site.ask(f"{past}core/", None, headers=sent).status_code == 403


@pytest.mark.parametrize("now", [source("internal", "alice"), "kind: [\n"])
def test_what_a_composite_was_made_of_is_hidden_in_the_past_too(tmp_path: Path, now: str) -> None:
    site = made(tmp_path)
    published(site, "core", "1.0", "python")
    then = site.installation.policy().commit
    site.policy(registries__all__registry=now)
    for project in ("core", "absent"):
        question = {"action": "read", "registry": "all", "project": project, "principal": "carol", "at": then}
        told = site.ask("/-/api/v1/explain", "carol", query=question).text
        assert "python" not in told
        assert "shared" not in told


def test_a_registry_that_left_a_composite_is_told_of_to_nobody_who_may_not_ask_about_it(tmp_path: Path) -> None:
    admin = "grants: [{role: admin, to: [bob]}]\n"
    site = made(tmp_path, ALL + admin)
    site.policy(registries__shared__registry=source("private", "alice") + "owners: [bob]\n")
    then = site.installation.policy().commit
    site.policy(registries__all__registry=ALL.replace("  - registry: python\n", "") + admin)
    question = {"action": "read", "registry": "all", "project": "core"}
    assert site.ask("/-/api/v1/who-can", "bob", query=question).status_code == 200
    assert site.ask("/-/api/v1/who-can", "bob", query={**question, "at": then}).status_code == 403
    assert site.ask("/-/api/v1/who-can", "alice", query={**question, "at": then}).status_code == 200


@pytest.mark.parametrize("member", ["kind: remote\nupstreams: [{url: 'https://mirror.example/simple'}]\n", "kind: [\n"])
def test_why_a_composite_cannot_be_asked_is_told_to_who_administers_it(tmp_path: Path, member: str) -> None:
    site = made(tmp_path)
    site.policy(registries__shared__registry=member)
    for path in ("who-can", "explain"):
        question = {"action": "read", "registry": "all", "project": "core", "principal": "alice"}
        if path == "who-can":
            del question["principal"]
        refused = site.ask(f"/-/api/v1/{path}", "carol", query=question)
        assert (refused.status_code, "shared" in refused.text) == (403, False)
        assert site.ask(f"/-/api/v1/{path}", query=question).status_code == 200


def test_nobody_reads_in_a_remote_registry_and_explain_says_so(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(
        registries__far__registry="kind: remote\nvisibility: internal\nupstreams: [{url: 'https://m.example'}]\n"
    )
    question = {"action": "read", "registry": "far", "project": "core"}
    told = site.ask("/-/api/v1/explain", query={**question, "principal": "bob"}).get_json()
    assert (told["allowed"], "does not serve yet" in told["reason"]) == (False, True)
    assert site.ask("/-/api/v1/who-can", query=question).get_json()["principals"] == []
    assert site.ask("/far/simple/core/", "bob").status_code == 403


def test_who_asks_without_a_registry_is_not_told_which_there_are(tmp_path: Path) -> None:
    refused = made(tmp_path).ask(
        "/-/api/v1/explain", "carol", query={"action": "read", "project": "core", "principal": "carol"}
    )
    assert refused.status_code == 400
    assert refused.get_json()["field"] == "registry"
    assert "shared" not in refused.text
