"""Fixtures for tests of the web faces."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.issuer import issuing, trusted_file
from tests.registry.web.pipelines import PROJECT, Ci, accepting, trusting
from tests.registry.web.site import Site, new_site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation of one's own, asked in this process."""
    return new_site(tmp_path / "data")


@pytest.fixture
def ci(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ci]:
    """A CI system of one's own, one pipeline of which the site trusts with `payments-api`."""
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted_file(tmp_path)))
    with issuing() as issuer:
        site.policy(waybill=accepting(issuer.url), **{PROJECT.removesuffix(".yaml"): trusting(issuer.url)})
        yield Ci(site, issuer)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ci]:
    """A CI system and its site, for tests that leave nothing behind."""
    folder = tmp_path_factory.mktemp("shared")
    with issuing() as issuer, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted_file(folder)))
        site = new_site(folder / "data")
        site.policy(waybill=accepting(issuer.url), **{PROJECT.removesuffix(".yaml"): trusting(issuer.url)})
        yield Ci(site, issuer)
