"""What the certificate of an attestation says about the pipeline that got it, and whether that is the one who uploads.

Sigstore's authority writes it from an identity token it has verified itself, one extension per claim:
https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry.errors import Invalid
from registry.model import Publisher

if TYPE_CHECKING:
    from cryptography import x509

_FULCIO = "1.3.6.1.4.1.57264.1."
_NAMES = {
    "8": "issuer",
    "9": "signer",
    "12": "repository",
    "14": "ref",
    "15": "repository id",
    "17": "owner id",
    "18": "pipeline",
}
_UTF8 = 0x0C  # tag of a DER string
_SHORT = 0x80  # lengths below it are one byte


@dataclass(frozen=True, slots=True)
class Kind:
    """One CI system that Sigstore knows, by what its certificates look like."""

    issuer: str
    form: re.Pattern[str]  # of what names the pipeline's file
    field: str  # the extension that does
    publisher: Callable[[Mapping[str, str], re.Match[str]], Publisher]


def _github(said: Mapping[str, str], found: re.Match[str]) -> Publisher:
    return {"kind": "GitHub", "repository": found[1], "workflow": found[2], "environment": said.get("environment")}


def _gitlab(said: Mapping[str, str], found: re.Match[str]) -> Publisher:
    environment = said.get("environment")
    return {"kind": "GitLab", "repository": found[1], "workflow_filepath": found[2], "environment": environment}


def _circleci(said: Mapping[str, str], found: re.Match[str]) -> Publisher:
    origin = {"vcs_origin": said.get("repository"), "vcs_ref": said.get("ref")}
    return {"kind": "CircleCI", "project_id": found[1], "pipeline_definition_id": found[2], **origin}


_KINDS = (
    Kind(
        "https://token.actions.githubusercontent.com",
        re.compile(r"https://github\.com/([^/@]+/[^/@]+)/\.github/workflows/([^/@]+)@.+"),
        "pipeline",
        _github,
    ),
    Kind("https://gitlab.com", re.compile(r"https://gitlab\.com/([^@]+?)//([^@]+)@.+"), "pipeline", _gitlab),
    Kind(
        "https://oidc.circleci.com",
        re.compile(r"https://circleci\.com/api/v2/projects/([0-9a-f-]+)/pipeline-definitions/([0-9a-f-]+)"),
        "signer",
        _circleci,
    ),
)


def publisher_of(certificate: "x509.Certificate", verified: Mapping[str, str] | None) -> Publisher:
    """Tell which pipeline a certificate was given to.

    Args:
        certificate: of an attestation; what it says is only true if Sigstore's authority signed it.
        verified: what the claims of the pipeline that uploads prove, by trailer; None: a person uploads.

    Raises:
        Invalid: it is of nobody that PEP 740 knows, or of another pipeline than the one that uploads.
    """
    said = _said(certificate)
    kind = next((kind for kind in _KINDS if kind.issuer == said.get("issuer")), None)
    if kind is None:
        known = ", ".join(kind.issuer for kind in _KINDS)
        raise Invalid(f"its certificate is by {said.get('issuer', 'nobody')[:100]!a}; known are {known}")
    found = kind.form.fullmatch(said.get(kind.field, ""))
    if found is None:
        raise Invalid(f"its certificate names no pipeline that {kind.issuer} has: {said.get(kind.field, '')[:200]!a}")
    if verified is not None:
        for what, certified, proved in _compared(said, kind, found[0], verified):
            if certified.casefold() != proved.casefold():
                raise Invalid(f"it was made by {what} {certified[:200]!a}, but {proved[:200]!a} uploads this file")
        said = {**said, **({"environment": verified["Environment"]} if "Environment" in verified else {})}
    return kind.publisher(said, found)


def _compared(
    said: Mapping[str, str], kind: Kind, file: str, verified: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Give what a certificate and the claims of an upload both say: its name, and both values."""
    yield "a job of", kind.issuer, verified.get("Issuer", "")
    number = verified.get("Repository-Id", "").partition(":")[2]
    if kind.field == "signer":
        workflow = verified.get("Workflow-Id", "").partition(":")[2]
        yield "pipeline", file, f"https://circleci.com/api/v2/projects/{number}/pipeline-definitions/{workflow}"
        return
    yield "git repository", said.get("repository", ""), verified.get("Repository", "")
    yield "a git repository with the id", said.get("repository id", ""), number
    workflow = verified.get("Workflow", "").partition("@")[0]
    host = "" if workflow.startswith("gitlab.com/") else "github.com/"
    yield "pipeline", file.partition("@")[0], f"https://{host}{workflow}"


def _said(certificate: "x509.Certificate") -> dict[str, str]:
    """Read the extensions that are known here."""
    try:
        extensions = list(certificate.extensions)
    except ValueError:  # it has one twice, or one that cannot be read
        return {}
    said = {}
    for extension in extensions:
        if name := _NAMES.get(extension.oid.dotted_string.removeprefix(_FULCIO)):
            found: Any = extension.value
            said[name] = _text(found.value)
    return said


def _text(der: bytes) -> str:
    """Read a DER string."""
    short = len(der) < 2 or der[1] < _SHORT
    start = 2 if short else 2 + (der[1] & 0x7F)
    if len(der) < start or der[0] != _UTF8 or len(der) - start != (der[1] if short else int.from_bytes(der[2:start])):
        raise Invalid("its certificate has an extension that is no text")
    text = der[start:].decode("utf-8", "replace")
    if not text.isprintable():
        raise Invalid("its certificate has an extension with control characters")
    return text
