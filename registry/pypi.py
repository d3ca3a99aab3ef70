"""A project and its releases in the words of PyPI's JSON API, for bots that know no other index.

PyPI documents it as its JSON API; what this registry does not know is null, empty or -1, as there. Beside sha256 stand
blake2b_256 and md5 where they are known: to know them, all bytes of a file must be read (`/-/api/v1` does so for each).
"""

from collections.abc import Mapping
from typing import Any

from registry import metadata
from registry.index import Index
from registry.model import File, Release, Sha256
from registry.names import ProjectName, RegistryName
from registry.records import timestamp

_TEXTS = (
    "author", "author_email", "description", "description_content_type", "download_url", "home_page", "license",
    "license_expression", "maintainer", "maintainer_email", "requires_python", "summary",
)  # fmt: skip
_DIGESTS = ("blake2b_256", "md5")  # that PyPI gives, too
Known = Mapping[Sha256, Mapping[str, str]]  # digests by sha256
_LISTS = ("classifiers", "dynamic", "license_files", "provides_extra", "requires_dist")


def project_json(
    index: Index,
    registry: RegistryName,
    name: ProjectName,
    base: str,
    shown: Release,
    *,
    releases: list[Release],
    digests: Known,
) -> dict[str, Any]:
    """Write the answer of `/pypi/<name>/json`.

    Args:
        index: where the metadata is.
        registry: which.
        name: of the project.
        base: absolute URL of the registry, ending in a slash.
        shown: the release that is described.
        releases: all of the project, oldest version first; empty: `/pypi/<name>/<version>/json`, which has none.
        digests: those that are known.
    """
    answer: dict[str, Any] = {
        "info": _info(index, registry, shown, name, base),
        "last_serial": -1,
        "urls": [_file(file, shown, base, digests) for file in shown.live],
        "vulnerabilities": [],
    }
    if releases:
        answer["releases"] = {
            one.version: [_file(file, one, base, digests) for file in one.live] for one in releases if one.live
        }
    return answer


def _info(index: Index, registry: RegistryName, shown: Release, name: ProjectName, base: str) -> dict[str, Any]:
    files = sorted(shown.live, key=lambda file: (file.dist.kind != "wheel", file.filename))
    text = next((index.metadata(registry, file.dist) for file in files if file.metadata_sha256), None)
    known = metadata.fields(text)[0] if text else {}
    page = f"{base}simple/{name}/"
    return {
        **{field: known.get(field) for field in _TEXTS},
        **{field: known.get(field) or None for field in _LISTS},
        "classifiers": known.get("classifiers", []),
        "name": known.get("name", name),
        "version": shown.version,
        "keywords": ",".join(known.get("keywords", [])),
        "platform": ",".join(known.get("platforms", [])) or None,
        "project_urls": known.get("project_urls") or None,
        "bugtrack_url": None,
        "docs_url": None,
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "package_url": page,
        "project_url": page,
        "release_url": page,
        "requires_python": known.get("requires_python") or next((f.requires_python for f in files), None),
        "yanked": bool(shown.yank),
        "yanked_reason": shown.yank.reason or None if shown.yank else None,
    }


def _file(file: File, release: Release, base: str, digests: Known) -> dict[str, Any]:
    wheel = file.dist.kind == "wheel"
    moment, known = timestamp(file.uploaded), digests.get(file.sha256, {})
    return {
        "comment_text": None,
        "digests": {**{name: known[name] for name in _DIGESTS if name in known}, "sha256": file.sha256},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": False,
        "packagetype": "bdist_wheel" if wheel else "sdist",
        "python_version": file.filename.removesuffix(".whl").split("-")[-3] if wheel else "source",
        "requires_python": file.requires_python,
        "size": file.size,
        "upload_time": moment[:19],
        "upload_time_iso_8601": moment,
        "url": f"{base}files/{file.sha256}/{file.filename}",
        "yanked": bool(release.yank),
        "yanked_reason": release.yank.reason or None if release.yank else None,
    }
