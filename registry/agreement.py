"""What an upload's form says of its file: checked, never believed."""

import hashlib
import hmac
from collections.abc import Mapping

from registry import names
from registry.blobs.incoming import Incoming
from registry.errors import Invalid
from registry.names import Distribution

_KINDS = {"bdist_wheel": "wheel", "sdist": "sdist"}
_DIGESTS = {"md5_digest": "md5", "sha256_digest": "sha256", "blake2_256_digest": "blake2b"}


def agree(form: Mapping[str, str], dist: Distribution, draft: Incoming) -> None:
    """Refuse a form that speaks of another file: what was authorised must be what is stored.

    Only identity is compared. Clients rewrite the rest: flit always says metadata 2.3, twine rewrites names.

    Raises:
        Invalid: name, version, kind or a digest is another one.
    """
    if form.get("name") and names.project_name(form["name"]) != dist.project:
        raise Invalid(
            f"name: the form says {form['name']!a}, the filename says '{dist.project}'; they must be the same project"
        )
    if form.get("version") and names.version(form["version"]) != dist.version:
        raise Invalid(
            f"version: the form says {form['version']!a}, the filename says '{dist.version}'; they must be equal"
        )
    kind = form.get("filetype")
    if kind and _KINDS.get(kind) != dist.kind:
        raise Invalid(f"filetype: the form says {kind!a}, but '{dist.filename}' is of kind {dist.kind}")
    for field, algorithm in _DIGESTS.items():
        said = form.get(field, "").lower()
        if said and not hmac.compare_digest(said.encode(), _hex_digest(draft, algorithm).encode()):
            raise Invalid(
                f"{field}: the digest does not match the uploaded file; it was damaged on the way, or is another file"
            )


def _hex_digest(draft: Incoming, algorithm: str) -> str:
    if algorithm == "sha256":
        return draft.sha256
    with draft.path.open("rb") as stream:
        if algorithm == "md5":
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=32)).hexdigest()
