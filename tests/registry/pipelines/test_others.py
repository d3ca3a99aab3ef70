"""A CI system that another package brings: written, minted and trusted like ours, and never in place of ours."""

import sys
from pathlib import Path

import pytest

from registry.policy.claims import fit
from registry.policy.parse import organization
from tests.registry.pipelines.emitting import URL, Command
from tests.registry.pipelines.test_statement import pasted

_ROOT = Path(__file__).parent.parent.parent.parent
_PAGE = (_ROOT / "CONTRIBUTING.md").read_text()
MODULE = (
    _PAGE[_PAGE.index("## Another CI system") :].partition("```python\n")[2].partition("```")[0]
)  # as it stands there
PUBLISH = f"publish: uv publish --publish-url {URL}/python/ dist/*\n"
ACCEPTING = b"organization: acme\nissuers: {other: ['https://ci.acme.example']}\n"


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, points: str, module: str = MODULE) -> None:
    """Install a package as pip leaves it."""
    (folder / "acme_ci.py").write_text(module)
    info = folder / "waybill_acme_ci-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: waybill-acme-ci\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[waybill.providers]\n{points}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "acme_ci", raising=False)


def test_an_installed_package_adds_a_system(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command("ci", "acme-ci")[0] == 2
    install(tmp_path, monkeypatch, "acme-ci = acme_ci")
    code, pipeline, said = command("ci", "acme-ci", "--url", URL, "--set", "pipeline_id=7f")
    assert (code, pipeline) == (0, f"build: make wheel\n{PUBLISH}")
    assert "Save this as acme-ci.yml" in said
    assert command("ci", "acme-ci", "--url", URL, "--job")[1] == PUBLISH
    _, statement, _ = command("ci", "acme-ci", "--url", URL, "--set", "pipeline_id=7f", "--policy")
    claims = {"iss": "https://ci.acme.example", "sub": "x", "pipeline_id": "7f"}
    accepting = organization(ACCEPTING, "waybill.yaml")
    assert fit(pasted(statement), claims, accepting).good
    assert not fit(pasted(statement), {**claims, "pipeline_id": "8c"}, accepting).good


def test_its_jobs_mint(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "acme-ci = acme_ci")
    code, said, error = command("mint", "--provider", "acme-ci", "--url", URL, "--audience", "x")
    assert (code, said) == (1, "")
    assert "acme-ci gives this job no identity token" in error
    monkeypatch.setenv("ACME_CI_IDENTITY", "a.b.c")
    _, _, error = command("mint", "--url", "https://127.0.0.1:9", "--audience", "x")
    assert "https://127.0.0.1:9 does not answer" in error  # so it had an identity


def test_it_never_takes_the_place_of_ours(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = command("ci", "github", "--url", URL)
    install(tmp_path, monkeypatch, "github = acme_ci")
    assert command("ci", "github", "--url", URL) == before


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("NAME = 'acme-ci'\n", "of the package waybill-acme-ci has no FILE, ENVIRONMENT,"),
        ("raise RuntimeError('broken')\n", "of the package waybill-acme-ci cannot be loaded: broken"),
    ],
)
def test_one_that_cannot_be_used_is_said_with_its_package_and_disturbs_no_other(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, why: str
) -> None:
    install(tmp_path, monkeypatch, "acme-ci = acme_ci", module)
    code, pipeline, said = command("ci", "acme-ci", "--url", URL)
    assert (code, pipeline) == (1, "")
    assert why in said
    assert command("ci", "github", "--url", URL)[0] == 0
