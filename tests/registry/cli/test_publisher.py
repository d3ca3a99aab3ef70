"""`waybill publisher lookup`: the statement to propose, from what a person has at hand."""

import json
import textwrap
from pathlib import Path

import pytest

from registry.cli import main
from registry.policy.claims import fit
from registry.policy.parse import organization, project_file
from tests.ci_plugins.jobs import CLAIMS
from tests.claim_sets import ISSUERS, OTHER
from tests.issuer import Issuer

REFUSAL = """\
No publisher in the policy of acme fits this token.
registries/python/projects/payments-api.yaml:3: the token says environment 'staging'; environment: pypi
To trust exactly this pipeline, propose this for registries/REGISTRY/projects/PROJECT.yaml:
publishers:
  - provider: "gitlab"
    project_id: "777"
    claims:
      "x": "y"
"""
STATEMENT = REFUSAL[REFUSAL.index("publishers:") :]
ANSWER = json.dumps(
    {"errors": [{"code": "invalid-publisher", "description": REFUSAL}], "message": "Token request failed"}
)
SHOWN = {
    "as uv shows it": f"error: Failed\n  cause: Server returned 422: {ANSWER}",
    **{
        f"as uv shows it on a terminal of {width} columns": textwrap.fill(
            f"  cause: Server returned 422: {ANSWER}",
            width,
            subsequent_indent=" " * 9,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for width in (40, 60, 80, 160)
    },
    "as lines": f"waybill: {REFUSAL}More of the log\n",
    "after times": "".join(f"2026-11-21T10:00:00.000Z {line}\n" for line in [*REFUSAL.splitlines(), "exit 1"]),
    "after other JSON": '{"level": "info"}\n{"a": {"b": 1}}\n' + REFUSAL,
}


@pytest.mark.parametrize("log", SHOWN.values(), ids=SHOWN)
def test_it_is_found_in_the_log_of_a_refused_attempt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: str
) -> None:
    (tmp_path / "log").write_text(log)
    assert main(["publisher", "lookup", str(tmp_path / "log")]) == 0
    said = capsys.readouterr()
    assert said.out == STATEMENT
    assert said.err == ""


def test_what_a_log_has_for_the_terminal_is_shown_and_not_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text(f"{STATEMENT}      \x1b[2K\x1b[1Aworkflow: z\n")
    assert main(["publisher", "lookup", str(tmp_path / "log")]) == 0
    assert capsys.readouterr().out == f"{STATEMENT}      \\x1b[2K\\x1b[1Aworkflow: z\n"


@pytest.mark.parametrize("system", [*CLAIMS, "other"])
def test_it_is_written_for_a_token_which_is_only_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], system: str
) -> None:
    claims = CLAIMS.get(system, OTHER)
    (tmp_path / "token").write_text(Issuer(url=str(claims["iss"])).token(claims) + "\n")
    assert main(["publisher", "lookup", str(tmp_path / "token")]) == 0
    said = capsys.readouterr()
    (publisher,) = project_file(said.out.encode(), "p.yaml", "payments-api").publishers
    assert fit(publisher, claims, organization(ISSUERS.encode(), "waybill.yaml")).good
    assert "nobody verified" in said.err


def test_an_issuer_of_ones_own_is_known_by_its_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text(Issuer(url="https://gitlab.acme.example").token(CLAIMS["gitlab"]))
    assert main(["publisher", "lookup", str(tmp_path / "token")]) == 0
    out = capsys.readouterr().out
    assert 'provider: "gitlab"' in out
    assert 'issuer: "https://gitlab.acme.example"' in out


def test_in_a_job_it_is_written_for_the_job_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = CLAIMS["bitbucket"]
    monkeypatch.setenv("BITBUCKET_STEP_OIDC_TOKEN", Issuer(url=str(claims["iss"])).token(claims))
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    assert main(["publisher", "lookup"]) == 0
    assert str(claims["repositoryUuid"]) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "neither a refusal with a statement in it nor an identity token"),
        ("publishers:\n", "neither a refusal"),
        ("publishers: none today\n", "neither a refusal"),
        ('{"errors": [], "publishers:": ' * 50, "neither a refusal"),
        ("a.b.c", "is not a JSON object"),
        ("eyJhbGciOiJub25lIn0.e30." + "x" * 20_000, "neither a refusal"),
    ],
)
def test_anything_else_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, why: str
) -> None:
    (tmp_path / "log").write_text(given)
    assert main(["publisher", "lookup", str(tmp_path / "log")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert why in said.err
