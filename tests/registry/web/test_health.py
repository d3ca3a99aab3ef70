"""Health and readiness: what a load balancer needs, and what an operator would have to mend."""

from collections.abc import Callable

import pytest

from registry import __version__
from registry.policy.roles import Role, Scope
from registry.store import POLICY
from tests.archives import wheel
from tests.registry.web.site import Site, json_of, reader

BROKEN = "kind: source\nvisibilty: private\n"


def test_a_sound_installation_is_ready_and_well(site: Site) -> None:
    assert json_of(site.ask("/-/ready", None)) == {"status": "ready"}
    assert json_of(site.ask("/-/health", None)) == {"status": "ok", "version": __version__, "policy_problems": 0}


def test_who_is_signed_in_is_told_which_commits_are_in_force(site: Site) -> None:
    said = json_of(site.ask("/-/health"))
    assert (said["status"], said["problems"]) == ("ok", [])
    assert said["ledger"] == site.head()
    assert said["policy"] == site.installation.store.head(POLICY).id


def test_a_bad_policy_file_degrades_and_only_the_signed_in_learn_file_and_line(site: Site) -> None:
    site.policy(registries__python__registry=BROKEN, teams__payments="member: [alice]\n")
    nobody = site.ask("/-/health", None)
    assert json_of(nobody)["status"] == "degraded"
    assert json_of(nobody)["policy_problems"] == len(json_of(site.ask("/-/health"))["problems"]) >= 2
    assert "registries" not in nobody.text
    assert "payments" not in nobody.text
    somebody = json_of(site.ask("/-/health"))
    assert somebody["status"] == "degraded"
    places = [problem.split(" ")[0] for problem in somebody["problems"]]
    assert "registries/python/registry.yaml:2:" in places
    assert "teams/payments.yaml:1:" in places


def test_a_repaired_policy_file_is_well_at_the_next_question(site: Site) -> None:
    site.policy(registries__python__registry=BROKEN)
    assert json_of(site.ask("/-/health", None))["status"] == "degraded"
    site.policy(registries__python__registry="kind: source\n")
    assert json_of(site.ask("/-/health", None))["status"] == "ok"


def test_the_signed_in_learn_what_is_broken_also_where_rights_depend_on_it(site: Site) -> None:
    site.policy(waybill="- not\n- a table\n")
    said = json_of(site.ask("/-/health"))
    assert said["status"] == "degraded"
    assert any(problem.startswith("waybill.yaml:1") for problem in said["problems"])
    assert json_of(site.ask("/-/ready", None)) == {"status": "ready"}


def test_with_people_unreadable_only_that_is_said_because_nobody_is_known(site: Site) -> None:
    limited = bearer(site.limited("alice", reader()))
    site.policy(people="- s3cret\n- table\n", registries__python__registry=BROKEN)
    said = json_of(site.ask("/-/health"))
    assert said["policy_problems"] >= 2
    [problem] = said["problems"]
    assert problem.startswith("people.yaml cannot be read")
    assert "problems" not in json_of(site.ask("/-/health", None, headers=limited))
    assert json_of(site.ask("/-/ready", None)) == {"status": "ready"}


@pytest.mark.parametrize("people", ["alice: {}\nbob: {disabled: true}\n", "alice: {}\n"])
def test_the_token_of_an_account_that_ended_sees_the_count_and_no_more(site: Site, people: str) -> None:
    site.policy(people="alice: {}\nbob: {}\n")
    site.token("bob")
    site.policy(people=people, registries__python__registry=BROKEN)
    said = json_of(site.ask("/-/health", "bob"))
    assert (set(said), said["policy_problems"]) == ({"status", "version", "policy_problems"}, 1)
    assert len(json_of(site.ask("/-/health"))["problems"]) == 1


@pytest.mark.parametrize("scope", [reader(), Scope(Role.ADMIN, ("python",)), Scope(Role.ADMIN, (), ("demo",))])
def test_a_limited_token_sees_the_count_and_no_more(site: Site, scope: Scope) -> None:
    site.policy(registries__python__registry=BROKEN)
    said = json_of(site.ask("/-/health", None, headers=bearer(site.limited("alice", scope))))
    assert (set(said), said["policy_problems"]) == ({"status", "version", "policy_problems"}, 1)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_a_wrong_token_learns_nothing(site: Site) -> None:
    answer = site.ask("/-/health", None, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert site.ask("/-/ready", None, headers={"Authorization": "Bearer wrong"}).status_code == 200


@pytest.mark.parametrize("path", ["/-/health", "/-/ready"])
def test_health_is_never_kept_by_a_cache_and_answers_head(site: Site, path: str) -> None:
    assert site.ask(path, None, method="HEAD").status_code == 200
    assert site.ask(path, None).headers["Cache-Control"] == "no-store"


def test_the_front_page_tells_a_person_how_to_install_without_a_script(site: Site) -> None:
    answer = site.ask("/", None, headers={"Host": '"><script>.example'})
    assert answer.status_code in {200, 400}
    assert "<script>" not in answer.text
    page = site.ask("/", None)
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "pip install" in page.text


def test_a_failed_flush_is_told_by_health_while_readiness_stays_because_downloads_go_on(
    site: Site, failing_flush: Callable[[], None]
) -> None:
    assert site.publish(wheel("demo", "1.0")).status_code == 200
    failing_flush()
    for version in ("1.1", "1.2"):
        answer = site.publish(wheel("demo", version))
        assert (answer.status_code, "restart the server" in answer.text) == (503, True)
    said = site.ask("/-/health", None)
    assert said.status_code == 503
    assert said.get_json()["status"] == "read-only"
    assert said.get_json()["reason"].startswith("The disk failed to keep ")
    assert json_of(site.ask("/-/ready", None)) == {"status": "ready"}
    assert "demo-1.0" in site.ask("/python/simple/demo/").text
    assert "demo-1.1" not in site.ask("/python/simple/demo/").text
