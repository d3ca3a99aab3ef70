"""Questions about the past: by commit, by date, and what was said at the time."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from freezegun import freeze_time

from registry import audit, curate
from registry.errors import Invalid, NotFound
from registry.names import project_name, registry_name
from registry.policy.decide import Allowed
from registry.policy.roles import Action
from registry.wanted import Wanted
from tests.archives import wheel
from tests.registry.web.site import Site, new_site

PYTHON, DEMO = registry_name("python"), project_name("demo")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation in which bob could publish during February 2027, and never since."""
    with freeze_time("2027-01-01T00:00:00Z") as clock:
        made = new_site(tmp_path / "data")
        clock.move_to("2027-02-01T00:00:00Z")
        made.policy(
            people="alice: {}\nbob: {}\n",
            registries__python__registry="projects: open\ngrants: [{role: publish, to: [bob]}]\n",
        )
        clock.move_to("2027-03-01T00:00:00Z")
        made.policy(registries__python__registry="projects: open\n")
    return made


@pytest.mark.parametrize(
    ("at", "could"),
    [("2027-01-15", False), ("2027-02-15", True), ("2027-02-28T23:59:59Z", True), ("2027-03-01", False)],
)
@freeze_time("2027-04-01")
def test_who_could_publish_on_a_past_day_is_answered_by_its_policy(site: Site, at: str, could: bool) -> None:
    policy = audit.policy_at(site.installation, at)
    verdict = audit.explain(policy, "bob", Action.PUBLISH, PYTHON, DEMO, datetime.now(UTC))
    assert isinstance(verdict, Allowed) == could


@freeze_time("2027-04-01")
def test_a_commit_may_be_shortened_and_must_be_of_the_policy(site: Site) -> None:
    commit = site.installation.policy().commit
    assert audit.policy_at(site.installation, commit[:7]).commit == commit
    for other in ("deadbeef", site.head(), "yesterday", "2028-01-01"):
        with pytest.raises(NotFound):
            audit.policy_at(site.installation, other)


def test_a_question_that_names_no_registry_needs_there_to_be_one(site: Site) -> None:
    assert audit.only_registry(site.installation.policy()) == "python"
    site.policy(registries__vault__registry="{}\n")
    with pytest.raises(Invalid, match="python, vault"):
        audit.only_registry(site.installation.policy())


def test_the_log_tells_why_a_release_was_yanked_and_that_it_was_only_said(site: Site) -> None:
    with freeze_time("2027-04-01"):
        assert site.publish(wheel("demo", "1.0")).status_code == 200
        curate.yank(site.installation, None, PYTHON, DEMO, "1.0", "wrong\nlicence: GPL")
        curate.yank(site.installation, None, PYTHON, DEMO, "1.0", "wrong licence: GPL")
        curate.unyank(site.installation, None, PYTHON, DEMO, "1.0.0")
    unyanked, yanked, published = audit.log(site.installation, Wanted(project=DEMO))
    assert (unyanked.subject, yanked.subject) == ("unyank: demo 1.0", "yank: demo 1.0")
    assert yanked.facts["Declared-Reason"] == "wrong licence: GPL"
    assert published.facts["Waybill-Event"] == "publish"


def test_the_log_is_narrowed_by_time_and_repository(site: Site) -> None:
    for month in (4, 5):
        with freeze_time(f"2027-0{month}-01T12:00:00Z"):
            site.publish(wheel("demo", f"{month}.0"))
    since = Wanted(project=DEMO, since=datetime(2027, 5, 1, tzinfo=UTC))
    assert [event.facts["Version"] for event in audit.log(site.installation, since)] == ["5.0"]
    until = Wanted(project=DEMO, until=datetime(2027, 4, 30, tzinfo=UTC))
    assert [event.facts["Version"] for event in audit.log(site.installation, until)] == ["4.0"]
    until = Wanted(until=datetime(2027, 4, 30, tzinfo=UTC))
    assert [event.facts.get("Version") for event in audit.log(site.installation, until)][:1] == ["4.0"]
    assert not list(audit.log(site.installation, Wanted(until=datetime(2026, 1, 1, tzinfo=UTC))))
    assert not list(audit.log(site.installation, Wanted(repository="acme/payments")))


PUBLISHER = """\
publishers:
- {provider: github, repository: acme/payments, repository_id: "1", owner_id: "2", workflow: release.yml}
- {issuer: "https://ci.acme.example", scopes: [read], claims: {sub: job}}
"""


def test_who_can_publish_names_the_trusted_pipelines_too(site: Site) -> None:
    def named(action: Action, project: str = "demo") -> list[str]:
        policy = site.installation.policy()
        found = audit.who_can(policy, action, PYTHON, project_name(project), datetime.now(UTC))
        return [f"{who} by {verdict.statement.ref.rpartition('/')[2]}" for who, verdict in found if who.name != "alice"]

    site.policy(registries__python__projects__demo=f"protected: true\n{PUBLISHER}")
    assert named(Action.PUBLISH) == ["github acme/payments by 0"]
    assert named(Action.READ)[-2:] == ["github acme/payments by 0", "https://ci.acme.example by 1"]
    assert named(Action.YANK) == named(Action.PUBLISH, "other") == []
    site.policy(registries__python__registry=f"projects: declared\n{PUBLISHER}")
    assert len(named(Action.PUBLISH)) == 2
    assert named(Action.PUBLISH, "other") == []
    site.policy(registries__python__registry=f"projects: open\nfrozen: true\n{PUBLISHER}")
    assert named(Action.PUBLISH) == []
