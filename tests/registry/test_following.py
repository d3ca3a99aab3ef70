"""What is known of the branch that `main` follows: until when writing goes on, and what is said when it ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from registry import changes, curate, tokens
from registry.errors import Forbidden, Unavailable
from registry.following import REFUSED, Following, Place, State, Trouble
from registry.names import ProjectName, version
from registry.policy.roles import Principal, Scope
from tests.archives import wheel
from tests.registry.web.site import PYTHON, Site, json_of, new_site

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACE = Place("https://forge.example/acme/policy.git", "main", HOUR)
TROUBLE = Trouble(REFUSED, NOW, NOW, "teams/payments.yaml:3: unknown\npeople.yaml:1: bad", "a" * 40, "b" * 40)
SMALL = wheel("demo", "1.0")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    with freeze_time(NOW):
        return new_site(tmp_path / "data")


@pytest.fixture
def following(tmp_path: Path) -> Following:
    return Following(tmp_path / "policy-remote.json")


def test_without_a_file_main_is_made_here_and_nothing_is_held_up(following: Following) -> None:
    assert following.state() is None
    assert following.facts() == {}
    following.require_fresh(NOW)
    following.require_here()
    assert following.end() is False


def test_what_one_process_keeps_another_one_reads(following: Following, tmp_path: Path) -> None:
    other = Following(tmp_path / "policy-remote.json")
    following.begin(PLACE, NOW)
    assert other.state() == State(PLACE, NOW)
    known = State(PLACE, NOW, NOW + HOUR, NOW, TROUBLE)
    following.keep(known)
    assert other.state() == known
    assert following.end() is True
    assert other.state() is None


def test_a_restart_keeps_what_is_known_and_another_branch_begins_anew(following: Following) -> None:
    following.keep(State(PLACE, NOW, NOW, NOW, TROUBLE))
    longer = Place(PLACE.remote, PLACE.branch, 2 * HOUR)
    assert following.begin(longer, NOW + HOUR) == State(longer, NOW, NOW, NOW, TROUBLE)
    other = Place(PLACE.remote, "release", HOUR)
    assert following.begin(other, NOW + HOUR) == State(other, NOW + HOUR)


def test_a_file_that_cannot_be_read_lets_nobody_write_and_says_what_to_do(following: Following, tmp_path: Path) -> None:
    (tmp_path / "policy-remote.json").write_text('{"place": 1}')
    for ask in (lambda: following.require_fresh(NOW), following.require_here, following.facts):
        with pytest.raises(Unavailable, match="restart the server, which writes it anew"):
            ask()
    assert following.begin(PLACE, NOW) == State(PLACE, NOW)
    following.require_fresh(NOW)


@pytest.mark.parametrize(
    ("good", "ends"), [(None, NOW + HOUR), (NOW + timedelta(minutes=30), NOW + HOUR + timedelta(minutes=30))]
)
def test_writing_ends_a_grace_after_the_last_good_look_or_the_beginning(
    following: Following, good: datetime | None, ends: datetime
) -> None:
    following.keep(State(PLACE, NOW, NOW, good))
    following.require_fresh(ends)
    with pytest.raises(Unavailable, match=r"nothing is written until that is mended"):
        following.require_fresh(ends + timedelta(seconds=1))


def test_an_upload_after_the_grace_is_refused_with_the_problem_and_taken_once_it_is_mended(site: Site) -> None:
    following = site.installation.following
    with freeze_time(NOW) as clock:
        following.begin(PLACE, NOW)
        following.keep(State(PLACE, NOW, NOW, NOW, TROUBLE))
        clock.tick(HOUR)
        assert site.publish(wheel("in-time", "1.0")).status_code == 200
        clock.tick(timedelta(seconds=1))
        refused = site.publish(SMALL)
        assert refused.status_code == 503
        assert "teams/payments.yaml:3: unknown; and 1 more" in refused.text
        assert "https://forge.example/acme/policy.git since 2026-06-01T12:00:00.000000Z" in refused.text
        assert refused.headers["Retry-After"].isdigit()
        assert site.ask("/python/simple/in-time/").status_code == 200, "reading goes on"
        with pytest.raises(Unavailable, match="nothing is written"):
            curate.yank(site.installation, Principal("alice"), PYTHON, ProjectName("in-time"), version("1.0"), "bad")
        following.keep(State(PLACE, NOW, NOW + HOUR, NOW + HOUR))
        assert site.publish(SMALL).status_code == 200


def test_the_body_of_an_upload_that_would_be_refused_is_not_read(site: Site) -> None:
    site.installation.following.keep(State(PLACE, NOW))
    with freeze_time(NOW + 2 * HOUR):
        assert site.publish(SMALL).status_code == 503
    assert site.drafts() == []


def test_tokens_are_revoked_also_after_the_grace_but_none_are_made(site: Site) -> None:
    with freeze_time(NOW) as clock:
        token = site.token().split("_")[1]
        alice = Principal("alice", token)
        site.installation.following.keep(State(PLACE, NOW))
        clock.tick(2 * HOUR)
        with pytest.raises(Unavailable, match="tokens can be revoked"):
            tokens.create(site.installation, alice, "alice", scope=Scope(), expires=None)
        assert tokens.revoke(site.installation, alice, token).revoked


def test_the_operator_on_the_host_writes_also_after_the_grace(site: Site) -> None:
    with freeze_time(NOW + 2 * HOUR):
        site.installation.following.keep(State(PLACE, NOW))
        assert tokens.create(site.installation, None, "alice", scope=Scope(), expires=None).secret


def test_health_says_in_a_word_to_anybody_and_in_full_to_who_is_signed_in(site: Site) -> None:
    with freeze_time(NOW) as clock:
        site.installation.following.keep(State(PLACE, NOW, NOW, NOW))
        assert json_of(site.ask("/-/health", None))["policy_remote"] == "ok"
        site.installation.following.keep(State(PLACE, NOW, NOW, NOW, TROUBLE))
        nobody = json_of(site.ask("/-/health", None))
        assert (nobody["status"], nobody["policy_remote"]) == ("degraded", "refused")
        told = json_of(site.ask("/-/health"))["policy_remote_state"]
        assert told["problems"] == ["teams/payments.yaml:3: unknown", "people.yaml:1: bad"]
        assert told["commit"] == "a" * 40
        assert told["writes_until"] == "2026-06-01T13:00:00.000000Z"
        clock.tick(2 * HOUR)
        held = site.ask("/-/health", None)
        assert held.status_code == 503
        assert held.get_json()["status"] == "read-only"
        assert "payments" not in held.text
        assert site.ask("/-/ready", None).status_code == 200, "downloads go on, so it stays behind the load balancer"


def test_health_fails_in_words_where_nobody_can_tell(site: Site) -> None:
    (site.folder / "policy-remote.json").write_text("{")
    said = site.ask("/-/health", None)
    assert said.status_code == 503
    assert said.get_json()["status"] == "failing"
    assert "policy-remote.json" in said.get_json()["reason"]


def test_nothing_is_changed_here_and_the_refusal_names_the_forge(site: Site) -> None:
    site.installation.following.begin(PLACE, NOW)
    alice = Principal("alice", site.token().split("_")[1])
    head = site.installation.policy().commit
    for verb in (
        lambda: changes.propose(site.installation, alice, "add-bob", head),
        lambda: changes.approve(site.installation, alice, "add-bob", head, head),
        lambda: changes.merge(site.installation, alice, "add-bob"),
    ):
        with pytest.raises(Forbidden, match=r"main follows branch main of https://forge\.example/acme/policy\.git"):
            verb()
