"""Attestations (PEP 740): what the pipeline itself signed about a file, verified by keys that are here, never fetched.

The statement is in-toto's, the signature Sigstore's. What only the optional extra can check is refused without it.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from registry.certificates import publisher_of
from registry.errors import Invalid, Unavailable
from registry.model import Publisher
from registry.names import Distribution
from registry.records import STATEMENT_TYPE

if TYPE_CHECKING:
    from cryptography import x509

LONGEST = 512 * 2**10  # bytes of all attestations of one file
MOST = 2  # attestations: at most one of each type, and there are two types
_MISSING = (
    "attestations: this registry cannot check any, as the extra is not installed; its operator installs "
    "waybill[attestations]. To upload without them, leave out twine's --attestations, or give uv --no-attestations"
)


class Sigstore:
    """Verifies attestations. Any thread may use it; keys are read when first needed."""

    def __init__(self, root: Path | None = None) -> None:
        """Nothing is read yet.

        Args:
            root: Sigstore's `trusted_root.json` as the operator has it; where it does not exist, the one that comes
                with the extra counts.
        """
        self._root = root
        self._made: tuple[object, Any] | None = None
        self._lock = threading.Lock()

    def verify(
        self, text: str, dist: Distribution, sha256: str, verified: Mapping[str, str] | None
    ) -> tuple[Publisher, ...]:
        """Verify all attestations of a file.

        Args:
            text: a JSON list, as uploaded; uv sends an empty one where there are none.
            dist: the file they must be about.
            sha256: its digest.
            verified: what the claims of the pipeline that uploads prove, by trailer; None: a person uploads.

        Returns:
            Who made each of them.

        Raises:
            Invalid: one does not verify, or nothing here can tell.
            Unavailable: the keys cannot be read.
        """
        sent = parsed(text)
        if not sent:
            return ()
        verifier = self._verifier()
        made, types = [], []
        for number, attestation in enumerate(sent):
            try:
                publisher, type_ = _verified(verifier, attestation, dist, sha256, verified)
            except Invalid as error:
                raise Invalid(f"attestations/{number}: {error}") from None
            except Exception as error:  # noqa: BLE001 - the libraries below have no common class for what is malformed
                why = f"{error} "[:300].partition("\n")[0].strip() or type(error).__name__
                raise Invalid(f"attestations/{number}: it does not verify: {why!a}") from None
            made.append(publisher)
            types.append(type_)
        if len(set(types)) != len(types):
            raise Invalid(f"attestations: two are of type {types[0]}; send one of each type")
        return tuple(made)

    def _verifier(self) -> Any:
        """Make the verifier, anew when the operator has brought other keys."""
        try:
            from sigstore.models import TrustedRoot  # noqa: PLC0415 - an optional extra, and a slow one
            from sigstore.verify import Verifier  # noqa: PLC0415
        except ImportError:
            raise Invalid(_MISSING) from None
        try:
            own = self._root if self._root and self._root.exists() else None
            state = own.stat() if own else None
            mark = (state.st_mtime_ns, state.st_ino, state.st_size) if state else None
            with self._lock:
                if self._made is None or self._made[0] != mark:
                    with resources.as_file(own or _bundled()) as path:
                        self._made = mark, Verifier(trusted_root=TrustedRoot.from_file(str(path)))
                return self._made[1]
        except Exception as error:
            where = f"{self._root.name} in the data folder" if self._root and self._root.exists() else "the extra"
            raise Unavailable(f"attestations: the keys of {where} cannot be read: {error!s:.200}") from error


def parsed(text: str) -> list[Any]:
    """Read a list of attestations.

    Raises:
        Invalid: it is none, or too long.
    """
    if len(text) > LONGEST:
        raise Invalid(f"attestations: at most {LONGEST // 2**10} KiB are accepted")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Invalid("attestations: send a JSON list of attestation objects (PEP 740)")
    if len(found) > MOST:
        raise Invalid(f"attestations: at most {MOST} are accepted, one of each type; there are {len(found)}")
    return found


def provenance(text: bytes, publishers: Sequence[Publisher]) -> dict[str, Any]:
    """Write the provenance object of a file (PEP 740): its attestations, together with those of the same maker.

    Args:
        text: the attestations, as uploaded.
        publishers: who made each of them.
    """
    bundles: list[dict[str, Any]] = []
    for publisher, attestation in zip(publishers, json.loads(text), strict=True):
        bundle = next((b for b in bundles if b["publisher"] == publisher), None)
        if bundle is None:
            bundle = {"publisher": dict(publisher), "attestations": []}
            bundles.append(bundle)
        bundle["attestations"].append(attestation)
    return {"version": 1, "attestation_bundles": bundles}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key given twice: two readers could take two meanings."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_number(_name: str) -> NoReturn:
    """Refuse NaN and its like, which is no JSON: whoever asks for the attestations could not read them."""
    raise ValueError


def _bundled() -> Traversable:
    """Find the keys that come with the extra."""
    from sigstore._internal.tuf import DEFAULT_TUF_URL  # noqa: PLC0415 - an optional extra

    # Not by its own way to them, which goes over the home folder of whoever runs the server.
    return resources.files("sigstore._store").joinpath(quote(DEFAULT_TUF_URL, safe=""), "trusted_root.json")


def _verified(
    verifier: Any, sent: dict[str, Any], dist: Distribution, sha256: str, verified: Mapping[str, str] | None
) -> tuple[Publisher, str]:
    """Verify one: made by a known pipeline, signed, logged, and about this very file."""
    from pypi_attestations import Attestation, AttestationType  # noqa: PLC0415 - an optional extra

    attestation = Attestation.model_validate(sent)
    _require_nothing_else(sent, attestation)
    identity = _Identity(verified)
    _, payload = verifier.verify_dsse(attestation.to_bundle(), identity)
    statement = json.loads(payload, object_pairs_hook=_once)
    subjects, type_ = statement["subject"], statement["predicateType"]
    if statement["_type"] != STATEMENT_TYPE or len(subjects) != 1:
        raise Invalid("its statement must be in-toto's version 1, about one file")
    if _named(subjects[0]["name"]) != _named(dist.filename):
        raise Invalid(f"it is about {subjects[0]['name']!a}, not about '{dist.filename}'")
    if subjects[0]["digest"]["sha256"] != sha256:
        raise Invalid(f"it is about a file of this name with another content; this one has sha256 {sha256}")
    if type_ not in {known.value for known in AttestationType}:
        raise Invalid(f"its type {str(type_)[:200]!a} is none that PEP 740's indexes know")
    return identity.publisher, type_


def _require_nothing_else(sent: dict[str, Any], read: Any) -> None:
    """Refuse what the verifier does not look at: it would be served as if it had been verified."""
    material, envelope = read.verification_material, read.envelope
    for said, known in ((sent, read), (sent["verification_material"], material), (sent["envelope"], envelope)):
        for name in said.keys() - type(known).model_fields.keys():
            raise Invalid(f"it has {name[:40]!a}, which nobody signed")
    if len(material.transparency_entries) != 1:
        raise Invalid("it has more than one transparency entry, and only the first would be verified")


class _Identity:
    """Whose certificate is accepted, as the verifier asks."""

    publisher: Publisher

    def __init__(self, verified: Mapping[str, str] | None) -> None:
        self._verified = verified

    def verify(self, certificate: "x509.Certificate") -> None:
        self.publisher = publisher_of(certificate, self._verified)


def _named(filename: str) -> tuple[Any, ...]:
    return parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
