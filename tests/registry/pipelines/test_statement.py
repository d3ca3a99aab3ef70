"""The statement that `waybill ci` prints trusts exactly the pipeline it writes, and nobody until its ids are known."""

import pytest

from registry.pipelines.base import UNKNOWN
from registry.policy.claims import fit
from registry.policy.files import BadFile, Publisher
from registry.policy.parse import organization, project_file
from registry.policy.schema.publishers import PROVIDERS
from tests.ci_plugins.jobs import CLAIMS, KNOWN
from tests.claim_sets import ISSUERS
from tests.registry.pipelines.emitting import STYLES, URL, Command, options

# Of each system: what another pipeline's token says instead.
OTHERS: list[tuple[str, str, str]] = [
    ("github", "repository_id", "9"),
    ("github", "repository_owner_id", "9"),
    ("github", "workflow_ref", "acme/payments/.github/workflows/test.yml@refs/tags/v1.4.0"),
    ("github", "environment", "staging"),
    ("github", "ref", "refs/heads/main"),
    ("github", "ref", "refs/tags/nightly"),
    ("github", "event_name", "pull_request_target"),
    ("gitlab", "project_id", "9"),
    ("gitlab", "namespace_id", "9"),
    ("gitlab", "job_project_id", "9"),
    ("gitlab", "ci_config_ref_uri", "gitlab.com/acme/payments//other.yml@refs/tags/v1.4.0"),
    ("gitlab", "environment", "staging"),
    ("gitlab", "ref_protected", "false"),
    ("bitbucket", "workspaceUuid", "{9c3e7b63-a106-4b5c-9c6b-4dae602f8b21}"),
    ("bitbucket", "repositoryUuid", "{9c3e7b63-a106-4b5c-9c6b-4dae602f8b21}"),
    ("bitbucket", "deploymentEnvironmentUuid", "{9c3e7b63-a106-4b5c-9c6b-4dae602f8b21}"),
    ("buildkite", "organization_id", "9"),
    ("buildkite", "pipeline_id", "9"),
    ("buildkite", "build_tag", ""),
    ("buildkite", "build_tag", "nightly"),
    ("circleci", "oidc.circleci.com/org-id", "9c3e7b63-a106-4b5c-9c6b-4dae602f8b21"),
    ("circleci", "oidc.circleci.com/project-id", "9c3e7b63-a106-4b5c-9c6b-4dae602f8b21"),
    ("circleci", "oidc.circleci.com/vcs-origin", "github.com/eve/payments"),
    ("circleci", "oidc.circleci.com/vcs-ref", "refs/heads/main"),
    ("jenkins", "sub", "https://jenkins.acme.example/job/payments/job/test/"),
    *((system, "iss", "https://elsewhere.example") for system in CLAIMS),
]


def pasted(statement: str) -> Publisher:
    """Read a statement as the policy does."""
    (publisher,) = project_file(f"protected: true\n{statement}".encode(), "p.yaml", "payments-api").publishers
    return publisher


@pytest.mark.parametrize(("system", "style"), STYLES)
def test_it_trusts_the_pipeline(command: Command, system: str, style: str) -> None:
    code, statement, said = command(*options(system, style), "--policy")
    assert (code, said) == (0, "")
    found = fit(pasted(statement), CLAIMS[system], organization(ISSUERS.encode(), "waybill.yaml"))
    assert found.good, found.misfits


@pytest.mark.parametrize(("system", "claim", "value"), OTHERS)
def test_it_trusts_no_other_pipeline(command: Command, system: str, claim: str, value: str) -> None:
    _, statement, _ = command(*options(system), "--policy")
    claims = {**CLAIMS[system], claim: value}
    assert not fit(pasted(statement), claims, organization(ISSUERS.encode(), "waybill.yaml")).good


@pytest.mark.parametrize("system", CLAIMS)
def test_it_stands_beside_the_pipeline_with_the_file_it_belongs_to(command: Command, system: str) -> None:
    _, statement, _ = command(*options(system), "--policy")
    _, pipeline, said = command(*options(system), "--registry", "internal", "--project", "payments-api")
    assert statement.strip() in said
    assert "registries/internal/projects/payments-api.yaml" in said
    assert "publishers:" not in pipeline


@pytest.mark.parametrize("system", CLAIMS)
def test_an_id_that_nobody_gave_is_said_and_trusts_nobody(command: Command, system: str) -> None:
    for lacking in KNOWN[system]:
        if system == "circleci" and lacking == "vcs_origin":
            continue  # compared as text, and no origin is a question mark
        required = PROVIDERS[system].get(lacking)
        if required and not required.required and not lacking.endswith("_uuid"):
            continue  # a name that is only shown
        given = [option for option in options(system) if not option.startswith(f"--set={lacking}=")]
        _, statement, _ = command(*given, "--policy")
        [line] = [line for line in statement.splitlines() if UNKNOWN in line.partition("#")[0]]
        assert line.partition("#")[2].strip(), "it says how to find the id"
        if lacking == "job":  # the sub of no token
            assert not fit(pasted(statement), CLAIMS[system], organization(ISSUERS.encode(), "w.yaml")).good
            continue
        with pytest.raises(BadFile):
            pasted(statement)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["github", "--style", "plugin"], "--style plugin needs --plugin OWNER/REPOSITORY@COMMIT"),
        (["circleci", "--plugin", "x"], "There is no plugin for circleci"),
        (["github", "--set", "repository_uuid=1"], "--set repository_uuid: a publisher of github has repository,"),
        (["github", "--set", "repository_id"], "is not KEY=VALUE"),
        (["github", "--set", "=1"], "is not KEY=VALUE"),
        (["github", "--environment", 'x", "y'], "--environment: 'x\", \"y' cannot stand in a pipeline"),
        (["gitlab", "--audience", "a b"], "--audience: 'a b' cannot stand in a pipeline"),
        (["github", "--url", 'https://a.example/"x'], "cannot stand in a pipeline"),
        (["gitlab", "--url", "https://10.0.0.5"], "uv looks for the variable 10_0_0_5_ID_TOKEN, which no job can have"),
        (["bitbucket", "--url", "https://a.example/$(id)"], "cannot stand in a pipeline"),
        (["bitbucket", "--url", "https://a.example/`id`"], "cannot stand in a pipeline"),
        (["github", "--url", "https://a.example/${{github.head_ref}}"], "cannot stand in a pipeline"),
        (["gitlab", "--environment", "$CI_COMMIT_TAG"], "cannot stand in a pipeline"),
        (["github", "--audience", "<<end>>"], "cannot stand in a pipeline"),
        (["github", "--plugin", "a/b@c\n  - run: x"], "cannot stand in a pipeline"),
    ],
)
def test_what_cannot_be_written_is_refused_in_words(command: Command, arguments: list[str], why: str) -> None:
    code, pipeline, said = command("ci", "--url", URL, *arguments)
    assert (code, pipeline) == (1, "")
    assert why in said


@pytest.mark.parametrize(
    "arguments", [["ci"], ["ci", "nobody"], ["ci", "github", "--url", "x"], ["ci", "github", "--style", "x"]]
)
def test_wrong_usage_is_told_from_a_refusal(command: Command, arguments: list[str]) -> None:
    assert command(*arguments)[0] == 2


def test_without_an_address_the_example_is_marked_as_that(command: Command) -> None:
    _, pipeline, said = command("ci", "github")
    assert "https://packages.acme.example" in pipeline
    assert "Put your server's address in place of https://packages.acme.example" in said
