"""Clients that are not there: whoever runs the tests is told what to do, and nothing is left half-made."""

import os
from pathlib import Path

import pytest

from tests.journeys import tools


def test_a_client_that_cannot_be_installed_fails_its_test_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "FOLDER", tmp_path / "clients")
    for name, value in {
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
    }.items():
        monkeypatch.setenv(name, value)
    sentence = "^flit is not installed here; run `python -m tests.journeys.tools` where a package index answers: .+$"
    with pytest.raises(pytest.fail.Exception, match=sentence):
        tools.program("flit")
    assert not (tmp_path / "clients" / "flit" / "wanted").exists()
