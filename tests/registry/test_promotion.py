"""A release goes on to another registry: the same bytes and origin, a new decision, and the rules of the target."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import curate, removal
from registry.cli import data
from registry.errors import Conflict, Forbidden, Invalid, NotFound, WaybillError
from registry.index import file_path
from registry.leftovers import remove_artifacts
from registry.model import File, Status
from registry.names import distribution, project_name, registry_name
from registry.policy.roles import Principal, Role, Scope
from registry.promotion import Promoted, Route, promote
from registry.removal import Whole
from registry.store.git import GitStore
from tests.archives import sdist, wheel
from tests.registry.web.site import PYTHON, Site, json_of, new_site
from tests.running import run_git

PROD, PAYMENTS = registry_name("prod"), project_name("payments-api")
WHEEL, SDIST = wheel("payments-api", "1.0"), sdist("payments-api", "1.0")
ROUTE = Route(PYTHON, PROD, PAYMENTS, "1.0")
ALICE = Principal("alice")
PEOPLE = "alice: {}\nbob: {}\n"
OPEN = "projects: open\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A release of two files in one registry, and another registry without any."""
    made = new_site(tmp_path / "data")
    made.policy(registries__prod__registry=OPEN, people=PEOPLE)
    for archive in (WHEEL, SDIST):
        assert made.publish(archive).status_code == 200
    return made


def promoted(site: Site, by: Principal | None = ALICE, route: Route = ROUTE) -> Promoted:
    return promote(site.installation, by, route)


def held(site: Site, registry: str = "prod", filename: str = WHEEL[0]) -> File | None:
    return site.installation.view().index.file(registry_name(registry), distribution(filename))


def test_a_promoted_release_has_the_same_bytes_metadata_and_origin_and_a_decision_of_its_own(site: Site) -> None:
    done = promoted(site)
    assert [file.filename for file in done.files] == sorted([WHEEL[0], SDIST[0]])
    here, there = held(site), held(site, "python")
    assert here is not None
    assert there is not None
    assert (here.sha256, here.size, here.metadata_sha256, here.origin) == (
        there.sha256, there.size, there.metadata_sha256, there.origin,
    )  # fmt: skip
    assert here.promoted is not None
    assert (here.promoted.source, here.promoted.by.principal) == ("python", "alice")
    assert here.decision.allowed_by == "waybill.yaml#admins/0"
    assert here.uploaded > there.uploaded
    read = site.installation.view().index.snapshot.read
    kept = [read(f"{file_path(registry_name(r), here.dist)}.metadata") for r in ("python", "prod")]
    assert kept[0] == kept[1] is not None
    assert site.ask(f"/prod/files/{here.sha256}/{WHEEL[0]}").data == WHEEL[1]


def test_each_promoted_file_is_one_commit_that_says_where_it_came_from(site: Site) -> None:
    promoted(site)
    git = data.git_folder(site.folder)
    assert run_git(git, "log", "-2", "--format=%an %s", "ledger").splitlines() == [
        f"alice promote: payments-api 1.0 {name}" for name in sorted([WHEEL[0], SDIST[0]], reverse=True)
    ]
    facts = dict(
        line.split(": ", 1) for line in run_git(git, "log", "-1", "--format=%(trailers)", "ledger").splitlines() if line
    )
    assert {name: facts[name] for name in ("Waybill-Event", "Registry", "Promoted-From", "Published-By")} == {
        "Waybill-Event": "promote", "Registry": "prod", "Promoted-From": "python", "Published-By": "alice",
    }  # fmt: skip


def test_pages_and_the_api_show_where_a_promoted_file_comes_from(site: Site) -> None:
    promoted(site)
    page = json_of(site.ask("/prod/simple/payments-api/?format=application/vnd.pypi.simple.v1+json"))
    assert {file["_waybill-provenance"]["promoted-from"] for file in page["files"]} == {"python"}
    release = json_of(site.ask("/-/api/v1/registries/prod/projects/payments-api/releases/1.0"))
    assert [file["promoted"] for file in release["files"]] == [{"from": "python", "by": "alice"}] * 2


def test_promoting_again_writes_nothing(site: Site) -> None:
    promoted(site)
    head = site.head()
    again = promoted(site)
    assert (again.files, len(again.there), again.commit, site.head()) == ((), 2, None, head)


def test_one_file_goes_alone_and_the_rest_follows(site: Site) -> None:
    alone = promoted(site, route=Route(PYTHON, PROD, PAYMENTS, "1.0.0", SDIST[0]))
    assert [file.filename for file in alone.files] == [SDIST[0]]
    assert [file.filename for file in promoted(site).files] == [WHEEL[0]]


@pytest.mark.parametrize(
    ("python", "prod", "why"),
    [
        ("", "grants: [{role: publish, to: [bob]}]\n", "bob may not read payments-api in python"),
        ("grants: [{role: read, to: [bob]}]\n", "", "bob may not publish payments-api in prod"),
        ("grants: [{role: admin, to: [bob]}]\n", "grants: [{role: read, to: [bob]}]\n", "this needs publish"),
        ("grants: [{role: read, to: [bob]}]\n", "grants: [{role: publish, to: [bob]}]\n", None),
        ("grants: [{role: read, to: [bob]}]\n", "frozen: true\ngrants: [{role: publish, to: [bob]}]\n", "frozen"),
    ],
)
def test_a_promoter_must_read_the_source_and_publish_to_the_target(
    site: Site, python: str, prod: str, why: str | None
) -> None:
    site.policy(registries__python__registry=OPEN + python, registries__prod__registry=OPEN + prod)
    if why is None:
        assert promoted(site, Principal("bob")).files
        return
    with pytest.raises(Forbidden, match=why):
        promoted(site, Principal("bob"))
    assert held(site) is None


def test_a_token_narrows_what_its_owner_may_promote(site: Site) -> None:
    for scope in (Scope(registries=("python",)), Scope(role=Role.READ), Scope(projects=("other-*",))):
        with pytest.raises(Forbidden, match="limited to"):
            promoted(site, Principal("alice", "abcdefghij", scope))


@pytest.mark.parametrize(
    ("prod", "kind", "why"),
    [
        ("projects: declared\n", Forbidden, "projects are declared"),
        ("kind: composite\nupstreams: [{registry: python}]\n", Forbidden, "takes no uploads"),
    ],
)
def test_the_target_s_own_settings_hold(site: Site, prod: str, kind: type[WaybillError], why: str) -> None:
    site.policy(registries__prod__registry=prod)
    with pytest.raises(kind, match=why):
        promoted(site)


def test_the_rules_that_the_policy_selects_are_asked_and_one_refused_file_keeps_all_back(site: Site) -> None:
    said_twice = ["License-Expression: MIT", "Classifier: License :: OSI Approved :: MIT License"]
    assert site.publish(wheel("payments-api", "1.0", tag="py2-none-any", headers=said_twice)).status_code == 200
    site.policy(waybill="organization: acme\nadmins: [alice]\nrules: {upload: [WB4]}\n")
    head = site.head()
    with pytest.raises(Invalid, match="WB4"):
        promoted(site)
    assert site.head() == head


def test_a_taken_name_in_the_target_keeps_all_back(site: Site) -> None:
    assert site.publish(wheel("payments-api", "1.0", body="other"), "/prod/").status_code == 200
    head = site.head()
    with pytest.raises(Conflict, match="File already exists"):
        promoted(site)
    assert site.head() == head


@pytest.mark.parametrize(("republish", "may"), [("never", False), ("same-bytes", True), ("allowed", True)])
def test_a_name_that_was_deleted_in_the_target_comes_back_as_its_republish_says(
    site: Site, republish: str, may: bool
) -> None:
    promoted(site)
    site.policy(registries__prod__registry=f"{OPEN}republish: {republish}\n")
    removal.delete(site.installation, None, Whole(PROD, PAYMENTS, "1.0"), "")
    if may:
        assert len(promoted(site).files) == 2
    else:
        with pytest.raises(Conflict, match="republish: never"):
            promoted(site)


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.QUARANTINED])
def test_a_project_that_takes_no_uploads_takes_no_promotions(site: Site, status: Status) -> None:
    promoted(site, route=Route(PYTHON, PROD, PAYMENTS, "1.0", SDIST[0]))
    curate.set_status(site.installation, None, PROD, PAYMENTS, status, "moved")
    with pytest.raises(Forbidden, match=f"is {status.value} and takes no uploads"):
        promoted(site)


def test_what_is_quarantined_yanked_or_deleted_at_the_source_goes_nowhere(site: Site) -> None:
    curate.yank(site.installation, None, PYTHON, PAYMENTS, "1.0", "broken")
    with pytest.raises(Conflict, match=r"is yanked in python \(broken\)"):
        promoted(site)
    curate.unyank(site.installation, None, PYTHON, PAYMENTS, "1.0")
    site.set_status("payments-api", Status.QUARANTINED)
    with pytest.raises(Forbidden, match="quarantined in python"):
        promoted(site)
    site.set_status("payments-api", Status.ACTIVE)
    removal.delete(site.installation, None, Whole(PYTHON, PAYMENTS, "1.0"), "")
    with pytest.raises(NotFound, match=r"no file of payments-api 1\.0 to promote"):
        promoted(site)
    assert held(site) is None


def test_where_it_is_already_is_no_place_to_go(site: Site) -> None:
    with pytest.raises(Invalid, match="python is where it is already"):
        promoted(site, route=Route(PYTHON, PYTHON, PAYMENTS, "1.0"))


def test_a_damaged_artifact_is_not_promoted(site: Site) -> None:
    digest = hashlib.sha256(WHEEL[1]).hexdigest()
    [artifact] = (data.git_folder(site.folder) / "lfs" / "objects").rglob(digest)
    artifact.chmod(0o644)
    artifact.write_bytes(WHEEL[1][:-1] + b"x")
    with pytest.raises(WaybillError, match="lost or damaged"):
        promoted(site)
    assert held(site) is None


def test_the_copy_stays_when_the_source_is_deleted(site: Site) -> None:
    promoted(site)
    removal.delete(site.installation, None, Whole(PYTHON, PAYMENTS), "moved on")
    store, noted = site.installation.store, dict.fromkeys([hashlib.sha256(WHEEL[1]).hexdigest()], 0.0)
    assert isinstance(store, GitStore)
    later, lies = datetime.now(UTC) + timedelta(days=30), data.git_folder(site.folder) / "lfs" / "objects"
    assert remove_artifacts(store, lies, noted, later, timedelta(days=7)) == ({}, 0)
    assert site.ask(f"/prod/files/{hashlib.sha256(WHEEL[1]).hexdigest()}/{WHEEL[0]}").data == WHEEL[1]


def test_the_operator_promotes_too_and_the_log_says_so(site: Site) -> None:
    promoted(site, None)
    here = held(site)
    assert here is not None
    assert (here.decision.allowed_by, here.promoted and here.promoted.by.trust) == ("operator on the host", "operator")


def test_a_registry_that_does_not_exist_takes_nothing_from_the_operator_either(site: Site) -> None:
    with pytest.raises(Forbidden, match="no registry absent"):
        promoted(site, None, Route(PYTHON, registry_name("absent"), PAYMENTS, "1.0"))


def test_a_file_that_was_there_and_went_meanwhile_is_looked_into_before_it_enters(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = wheel("payments-api", "2.0+local")
    for path in ("/python/", "/prod/"):
        assert site.publish(local, path).status_code == 200
    site.policy(registries__prod__registry=f"{OPEN}accepts: []\nrepublish: same-bytes\n")
    write = site.installation.write

    def late(*asked: Any, **more: Any) -> Any:
        monkeypatch.setattr(site.installation, "write", write)
        removal.delete(site.installation, None, Whole(PROD, PAYMENTS, "2.0+local"), "")
        return write(*asked, **more)

    monkeypatch.setattr(site.installation, "write", late)
    with pytest.raises(Invalid, match="local-versions"):
        promoted(site, route=Route(PYTHON, PROD, PAYMENTS, "2.0+local"))
    file = held(site, filename=local[0])
    assert file
    assert file.deleted
