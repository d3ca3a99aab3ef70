"""Jenkins with its oidc-provider plugin, whose credential has the audience: https://plugins.jenkins.io/oidc-provider/."""

from collections.abc import Mapping

from registry.pipelines.base import PLUGIN as _PLUGIN
from registry.pipelines.base import Source, Wanted, filled
from registry.publishers import jenkins
from registry.publishers.base import Written

NAME = jenkins.NAME
FILE = "Jenkinsfile"
ENVIRONMENT = ""  # Jenkins has none; the credential in the job's folder does what protected environments do elsewhere
PLUGIN = "LIBRARY@COMMIT"
KEYS: Mapping[str, str] = {
    "issuer": "https://JENKINS/oidc, or as the credential says",
    "job": "the job's address, as its sub claim says it",
}
MASK: str | tuple[str, ...] = ""  # what withCredentials gives is hidden; what is made of it is never written


def emitted(wanted: Wanted, style: str) -> str:
    """Write the pipeline."""
    return filled("jenkins-plugin.groovy" if style == _PLUGIN else "jenkins-plain.groovy", wanted)


def statement(wanted: Wanted) -> Written:
    """Write the keys of the statement that trusts exactly this job, by what its tokens will say."""
    return jenkins.statement({"iss": wanted.of("issuer"), "sub": wanted.of("job")})


def identity(environment: Mapping[str, str], _audience: str) -> Source | None:
    """Tell how a job gets its identity token: in the variable that withCredentials fills."""
    return (environment.get("WAYBILL_ID_TOKEN") or None) if "JENKINS_URL" in environment else None


def declared(environment: Mapping[str, str]) -> dict[str, str]:
    """Tell what a job knows of itself that its token does not prove."""
    known = {"commit": environment.get("GIT_COMMIT", ""), "job": environment.get("BUILD_URL", "")}
    if environment.get("TAG_NAME"):
        known["ref"] = f"refs/tags/{environment['TAG_NAME']}"
    return {key: value for key, value in known.items() if value}
