"""The pages of the simple index, HTML and JSON, from one model.

https://packaging.python.org/en/latest/specifications/simple-repository-api/ (PEP 503, 592, 629, 691, 700, 714, 792).
HTML stays at 1.4 for ever (PEP 833). Only sha256 is shown: uv rejects a page whose other digests it does not expect.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape
from typing import Any

from registry.model import File, Project, Release, Status
from registry.names import ProjectName
from registry.provenance import origin_json
from registry.records import timestamp

API_VERSION = "1.4"
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
# Part of every ETag: raise it when a page of the same facts is written differently.
FORMAT = "3"
_BETWEEN = "<br>\n"


def project_json(project: Project, files: Mapping[str, str]) -> bytes:
    """Write a project's page as JSON (PEP 691).

    Args:
        project: its name and status; releases are not read from it.
        files: the `release_json` of each release that offers files, by version, in order.
    """
    offered = {} if project.status is Status.QUARANTINED else files  # which offers none (PEP 792)
    page: dict[str, Any] = {
        "meta": {"api-version": API_VERSION},
        "name": project.name,
        "project-status": _status(project),
        "versions": list(offered),
    }
    text = json.dumps(page, separators=(",", ":"), ensure_ascii=False)
    return f'{text[:-1]},"files":[{",".join(offered.values())}]}}'.encode()


def project_html(project: Project, files: Mapping[str, str]) -> bytes:
    """Write a project's page as HTML (PEP 503); like `project_json`, of what `release_html` wrote."""
    status = _status(project)
    metas = [f'<meta name="pypi:project-status" content="{status["status"]}">']
    if "reason" in status:
        metas.append(f'<meta name="pypi:project-status-reason" content="{escape(status["reason"])}">')
    offered = {} if project.status is Status.QUARANTINED else files
    return _html(f"Links for {project.name}", metas, offered.values())


def release_json(release: Release, files_base: str, provenance_base: str = "") -> str:
    """Write what a release adds to its project's page; nothing, where all its files were deleted.

    Args:
        release: with its files.
        files_base: relative URL of the folder of files, so that pages hold behind any proxy.
        provenance_base: absolute URL of the folder of provenance objects, as PEP 740 wants it; empty: not known.
    """
    files = (_file_json(file, release, files_base, provenance_base) for file in release.live)
    return ",".join(json.dumps(file, separators=(",", ":"), ensure_ascii=False) for file in files)


def release_html(release: Release, files_base: str, provenance_base: str = "") -> str:
    """Write what a release adds to its project's page; the arguments are those of `release_json`."""
    return _BETWEEN.join(_file_html(file, release, files_base, provenance_base) for file in release.live)


def projects_json(projects: Iterable[ProjectName]) -> bytes:
    """Write the list of projects as JSON (PEP 691)."""
    page = {"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in projects]}
    return json.dumps(page, separators=(",", ":")).encode()


def projects_html(projects: Iterable[ProjectName]) -> bytes:
    """Write the list of projects as HTML (PEP 503)."""
    return _html("Simple index", [], (f'<a href="{name}/">{name}</a>' for name in projects))


def _status(project: Project) -> dict[str, str]:
    status = {"status": project.status.value}
    if project.status_reason:
        status["reason"] = project.status_reason
    return status


def _url(file: File, files_base: str) -> str:
    return f"{files_base}{file.sha256}/{file.filename}"  # names.py admits only characters a URL path takes as they are


def _provenance(file: File, release: Release, base: str) -> str | None:
    """Tell where the attestations of a file are (PEP 740); None where there are none."""
    return f"{base}{file.dist.project}/{release.version}/{file.filename}/provenance" if base and file.attested else None


def _file_json(file: File, release: Release, files_base: str, provenance_base: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "filename": file.filename,
        "url": _url(file, files_base),
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        "upload-time": timestamp(file.uploaded),
        "yanked": (release.yank.reason or True) if release.yank else False,
        "core-metadata": {"sha256": file.metadata_sha256} if file.metadata_sha256 else False,
    }
    if file.requires_python:
        shown["requires-python"] = file.requires_python
    if provenance := _provenance(file, release, provenance_base):
        shown["provenance"] = provenance
    origin = origin_json(replace(file.origin, token=None))  # by which token is no reader's business
    shown["_waybill-provenance"] = {**origin, "promoted-from": file.promoted.source} if file.promoted else origin
    return shown


def _file_html(file: File, release: Release, files_base: str, provenance_base: str) -> str:
    attributes = [f'href="{_url(file, files_base)}#sha256={file.sha256}"']
    if file.requires_python:
        attributes.append(f'data-requires-python="{escape(file.requires_python)}"')
    if file.metadata_sha256:
        attributes.append(f'data-core-metadata="sha256={file.metadata_sha256}"')
    if release.yank:
        attributes.append(f'data-yanked="{escape(release.yank.reason)}"')
    if provenance := _provenance(file, release, provenance_base):
        attributes.append(f'data-provenance="{escape(provenance)}"')
    return f"<a {' '.join(attributes)}>{file.filename}</a>"


def _html(title: str, metas: Iterable[str], anchors: Iterable[str]) -> bytes:
    version = f'<meta name="pypi:repository-version" content="{API_VERSION}">'
    head = "\n".join([version, *metas, f"<title>{title}</title>"])
    body = _BETWEEN.join(anchors)
    return f"<!DOCTYPE html>\n<html>\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n".encode()
