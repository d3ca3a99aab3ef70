"""Where a policy may be fetched from, and that no secret stands in it."""

import pytest

from registry.errors import Invalid
from registry.store.address import Login, Secret, checked_branch, checked_url, shown


@pytest.mark.parametrize(
    "url",
    [
        "https://forge.example/acme/policy.git",
        "https://x-token-auth@forge.example:8443/acme/policy",
        "ssh://git@forge.example/acme/policy.git",
        "ssh://git@forge.example:2222/~/policy.git",
        "file:///srv/git/policy.git",
        "http://127.0.0.1:3000/acme/policy.git",
        "http://localhost/acme/policy.git",
        "http://[::1]:3000/policy.git",
    ],
)
def test_a_url_that_only_says_where_a_git_repository_is_can_be_followed(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://forge.example/acme/policy.git", "not encrypted"),
        ("http://10.0.0.1/acme/policy.git", "not encrypted"),
        ("git://forge.example/policy.git", "https://, ssh:// and file:///path can"),
        ("ext::sh -c id", "no plain URL"),
        ("file://elsewhere/srv/policy.git", "can"),
        ("--upload-pack=id", "cannot be followed"),
        ("-oProxyCommand=id", "cannot be followed"),
        ("ssh://-oProxyCommand=id/policy", "cannot be followed"),
        ("ssh://-l@forge.example/policy", "cannot be a user's name"),
        ("https://forge.example", "plain URL"),
        ("https://forge.example/policy?ref=main", "plain URL"),
        ("https://forge.example/policy#main", "plain URL"),
        ("https://forge.example/pol icy", "plain URL"),
        ("https://forge.example/pol\nicy", "plain URL"),
        ("https://forge.example:port/policy", "no URL"),
        ("https://[::1/policy", "no URL"),
        ("/srv/git/policy.git", "cannot be followed"),
        ("policy.git", "cannot be followed"),
        ("", "plain URL"),
    ],
)
def test_any_other_url_is_refused_with_what_to_write(url: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        checked_url(url)


def test_the_short_form_that_forges_show_is_answered_with_the_long_one() -> None:
    with pytest.raises(Invalid, match=r"write ssh://git@forge\.example/acme/policy\.git"):
        checked_url("git@forge.example:acme/policy.git")


def test_a_secret_in_a_url_is_refused_without_being_repeated() -> None:
    with pytest.raises(Invalid, match="WAYBILL_POLICY_TOKEN") as refused:
        checked_url("https://alice:hunter2@forge.example/policy.git")
    assert "hunter2" not in str(refused.value)


def test_a_url_is_shown_without_the_users_name() -> None:
    assert shown("https://alice@forge.example:8443/acme/policy.git") == "https://forge.example:8443/acme/policy.git"
    assert shown("file:///srv/policy.git") == "file:///srv/policy.git"


@pytest.mark.parametrize("name", ["main", "release/2026", "a", "Policy_1.x"])
def test_a_branch_is_taken_by_its_plain_name(name: str) -> None:
    assert checked_branch(name) == name


@pytest.mark.parametrize(
    "name", ["", "-d", "a..b", "a b", "main:ledger", "+main", "a//b", "a/", "a.lock", "a@{1}", "/a"]
)
def test_what_git_would_read_as_more_than_a_branch_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="no name of a branch"):
        checked_branch(name)


def test_a_secret_is_shown_by_nothing_that_prints_it() -> None:
    login = Login("hunter2-and-more")
    assert "hunter2" not in repr(login)
    assert "hunter2" not in str(Secret("https://forge.example/p", login).settings)
    both = "eC1hY2Nlc3MtdG9rZW46aHVudGVyMi1hbmQtbW9yZQ=="  # by hand: printf x-access-token:hunter2-and-more | base64
    said = login.hidden("https://forge.example/p", f"no entry for hunter2-and-more, Basic {both}")
    assert said == "no entry for [redacted], Basic [redacted]"
