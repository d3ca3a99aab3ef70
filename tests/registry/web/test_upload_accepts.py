"""What a registry accepts though PyPI refuses it is a setting of the policy, and its answer can be found again."""

import pytest

from registry.archives.fields import Fields
from registry.archives.peculiar import peculiarities
from registry.index import Index
from registry.names import distribution
from registry.policy.peculiar import PECULIARITIES, USUAL
from registry.store import LEDGER
from tests.archives import wheel
from tests.registry.web.site import PYTHON, Archive, Site

BY_URL = "Requires-Dist: other @ https://example.org/other-1.0.tar.gz"
PECULIAR = {
    "local-versions": wheel("demo", "1.0+acme.1"),
    "linux-tags": wheel("demo", "1.0", tag="cp311-cp311-linux_x86_64"),
    "other-tags": wheel("demo", "1.0", tag="cp311-cp311-freebsd_14_0_release_amd64"),
    "private-classifiers": wheel("demo", "1.0", headers=["Classifier: Private :: Do Not Upload"]),
    "direct-urls": wheel("demo", "1.0", headers=[BY_URL]),
    "stdlib-names": wheel("platform", "1.0"),
}


def setting(*words: str) -> str:
    return f"projects: open\naccepts: [{', '.join(words)}]\n"


def test_each_word_has_an_example_here() -> None:
    assert set(PECULIAR) == set(PECULIARITIES)


@pytest.mark.parametrize(("word", "archive"), PECULIAR.items())
def test_what_a_registry_does_not_accept_is_refused_with_the_line_that_would_accept_it(
    site: Site, word: str, archive: Archive
) -> None:
    site.policy(registries__python__registry=setting(*(other for other in PECULIAR if other != word)))
    refused = site.publish(archive)
    assert refused.status_code == 400
    assert f"propose {word} under accepts in registries/python/registry.yaml" in refused.text
    site.policy(registries__python__registry=setting(word))
    assert site.publish(archive).status_code == 200


@pytest.mark.parametrize(("word", "archive"), PECULIAR.items())
def test_a_registry_that_says_nothing_accepts_what_only_its_own_house_sees(
    site: Site, word: str, archive: Archive
) -> None:
    assert site.publish(archive).status_code == (200 if word in USUAL else 400)


def test_a_project_that_is_there_keeps_its_name_whatever_is_accepted_later(site: Site) -> None:
    assert site.publish(PECULIAR["stdlib-names"]).status_code == 200
    site.policy(registries__python__registry=setting())
    assert site.publish(wheel("platform", "1.1")).status_code == 200


def test_each_registry_decides_for_itself(site: Site) -> None:
    site.policy(registries__strict__registry=setting())
    assert site.publish(PECULIAR["local-versions"], "/strict/").status_code == 400
    assert site.publish(PECULIAR["local-versions"], "/python/").status_code == 200


def test_a_file_that_is_here_stays_and_is_taken_again_when_its_kind_is_accepted_no_more(site: Site) -> None:
    archive = PECULIAR["local-versions"]
    assert site.publish(archive).status_code == 200
    site.policy(registries__python__registry=setting())
    again = site.publish(archive)
    assert (again.status_code, "nothing was written" in again.text) == (200, True)


def test_the_answer_can_be_found_again_from_the_ledger_and_the_policy_commit_that_it_names(site: Site) -> None:
    site.policy(registries__python__registry=setting("direct-urls"))
    archive = PECULIAR["direct-urls"]
    assert site.publish(archive).status_code == 200
    site.policy(registries__python__registry=setting())

    index, dist = Index(site.installation.store.head(LEDGER)), distribution(archive[0])
    file, metadata = index.file(PYTHON, dist), index.metadata(PYTHON, dist)
    assert file
    assert metadata
    found = peculiarities(dist, Fields(metadata, "METADATA"))
    then = site.installation.policy_of(site.installation.store.at(file.decision.policy)).registry(PYTHON)
    now = site.installation.policy().registry(PYTHON)
    assert then
    assert now
    assert [set(found) <= set(side.accepts) for side in (then, now)] == [True, False]


def test_what_is_accepted_is_asked_of_the_policy_that_decides_not_of_the_one_that_was_in_force_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = site.installation.blobs.publish

    def changed_meanwhile(draft: object) -> None:
        site.policy(registries__python__registry=setting())
        publish(draft)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(site.installation.blobs, "publish", changed_meanwhile)
    head = site.head()
    refused = site.publish(PECULIAR["local-versions"])
    assert (refused.status_code, site.head()) == (400, head)
    assert "local-versions" in refused.text
