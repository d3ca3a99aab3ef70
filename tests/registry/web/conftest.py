"""Fixtures for tests of the web faces."""

from pathlib import Path

import pytest

from tests.registry.web.site import Site, new_site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation of one's own, asked in this process."""
    return new_site(tmp_path / "data")
