"""A Sigstore of one's own, made in memory: an authority, its two logs, and attestations as real as public ones.

Everything is signed for real, so the verifier under test runs unchanged; only the keys it trusts are other ones.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pypi_attestations import AttestationType

PUBLISH = AttestationType.PYPI_PUBLISH_V1.value
SLSA = AttestationType.SLSA_PROVENANCE_V1.value
GITHUB = "https://token.actions.githubusercontent.com"
REPOSITORY = "https://github.com/acme/payments"
# What the authority writes of the pipeline in tests/claim_sets.py, by the number of the extension.
PIPELINE: Mapping[int, str] = {
    8: GITHUB,
    12: REPOSITORY,
    13: "a" * 40,
    14: "refs/tags/v1.4.0",
    15: "123456",
    17: "42",
    18: f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v1.4.0",
}
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_TIMESTAMPS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class Log:
    """A log's key: of certificates, or of signatures."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def der(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.der).digest()

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def told(self, url: str) -> dict[str, Any]:
        """Describe it as a trusted root does."""
        valid = {"start": "2020-01-01T00:00:00Z"}
        key = {"rawBytes": _b64(self.der), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}
        return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": key, "logId": {"keyId": _b64(self.id)}}


@dataclass
class Transparency:
    """An authority and its logs."""

    authority: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificates: Log = field(default_factory=Log)
    signatures: Log = field(default_factory=Log)

    @property
    def name(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority for tests")])

    def root(self) -> bytes:
        """Write `trusted_root.json`."""
        start = datetime(2020, 1, 1, tzinfo=UTC)
        key = self.authority.public_key()
        identifier = x509.SubjectKeyIdentifier.from_public_key(key)
        made = (
            x509.CertificateBuilder(self.name, self.name, key, 1, start, start + timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(self.authority, hashes.SHA256())
        )
        chain = {"certificates": [{"rawBytes": _b64(made.public_bytes(Encoding.DER))}]}
        authority = {"subject": {"organization": "tests", "commonName": "tests"}, "uri": "https://ca.acme.example"}
        return json.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [self.signatures.told("https://log.acme.example")],
                "certificateAuthorities": [
                    {**authority, "certChain": chain, "validFor": {"start": "2020-01-01T00:00:00Z"}}
                ],
                "ctlogs": [self.certificates.told("https://ct.acme.example")],
                "timestampAuthorities": [],
            }
        ).encode()

    def trusted(self, folder: Path) -> None:
        """Let an installation trust this authority and no other."""
        (folder / "trusted_root.json").write_bytes(self.root())

    def attest(
        self,
        filename: str,
        content: bytes,
        *,
        pipeline: Mapping[int, str | bytes] = PIPELINE,
        type_: str = PUBLISH,
        predicate: object = None,
        **changes: Any,
    ) -> dict[str, Any]:
        """Make an attestation as the pipeline would.

        Args:
            filename: what it is about.
            content: of that file.
            pipeline: extensions of the certificate, by number.
            type_: of the statement.
            predicate: what the statement says beside.
            changes: keys of the statement that are other ones.
        """
        subject = {"name": filename, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [subject],
            "predicateType": type_,
            "predicate": predicate,
            **changes,
        }
        return self.sign(json.dumps(statement).encode(), pipeline)

    def sign(self, statement: bytes, pipeline: Mapping[int, str | bytes] = PIPELINE) -> dict[str, Any]:
        """Sign any statement, and log that."""
        now, key = datetime.now(UTC).replace(microsecond=0), ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(key, pipeline, now)
        pae = f"DSSEv1 {len(_PAYLOAD_TYPE)} {_PAYLOAD_TYPE} {len(statement)} ".encode() + statement
        signature = key.sign(pae, ec.ECDSA(hashes.SHA256()))
        return {
            "version": 1,
            "verification_material": {
                "certificate": _b64(certificate.public_bytes(Encoding.DER)),
                "transparency_entries": [self._entry(certificate, statement, signature, int(now.timestamp()))],
            },
            "envelope": {"statement": _b64(statement), "signature": _b64(signature)},
        }

    def _certificate(
        self, key: ec.EllipticCurvePrivateKey, pipeline: Mapping[int, str | bytes], now: datetime
    ) -> x509.Certificate:
        """Make a certificate for ten minutes, and prove by a timestamp of the log that it was logged (RFC 6962)."""
        builder = x509.CertificateBuilder(
            self.name, x509.Name([]), key.public_key(), x509.random_serial_number(), now, now + timedelta(minutes=10)
        )
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key())
        who = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("https://pipeline.acme.example")])
        builder = (
            builder.add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(issuer, critical=False)
            .add_extension(who, critical=True)
        )
        for number, value in pipeline.items():
            oid = x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")
            der = value if isinstance(value, bytes) else _utf8(value)
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, der), critical=False)
        draft = builder.sign(self.authority, hashes.SHA256())
        authority = self.authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        tbs, moment = draft.tbs_certificate_bytes, int(now.timestamp() * 1000)
        logged = struct.pack("!BBQH", 0, 0, moment, 1) + hashlib.sha256(authority).digest()
        signature = self.certificates.sign(logged + len(tbs).to_bytes(3) + tbs + b"\x00\x00")
        stamp = b"\x00" + self.certificates.id + struct.pack("!QH", moment, 0) + b"\x04\x03"
        stamp += len(signature).to_bytes(2) + signature
        stamps = len(stamp).to_bytes(2) + stamp
        stamps = len(stamps).to_bytes(2) + stamps
        der = b"\x04" + (bytes([len(stamps)]) if len(stamps) < 128 else b"\x81" + bytes([len(stamps)])) + stamps
        proof = x509.UnrecognizedExtension(_TIMESTAMPS, der)
        return builder.add_extension(proof, critical=False).sign(self.authority, hashes.SHA256())

    def _entry(self, certificate: x509.Certificate, statement: bytes, signature: bytes, now: int) -> dict[str, Any]:
        """Log a signature, as the only one in the log, and prove it."""
        body = json.dumps(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
                    "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(statement).hexdigest()},
                    "signatures": [
                        {"signature": _b64(signature), "verifier": _b64(certificate.public_bytes(Encoding.PEM))}
                    ],
                },
            }
        ).encode()
        root = hashlib.sha256(b"\x00" + body).digest()
        note = f"log.acme.example\n1\n{_b64(root)}\n"
        signed = _b64(self.signatures.id[:4] + self.signatures.sign(note.encode()))
        promised: dict[str, Any] = {
            "body": _b64(body),
            "integratedTime": now,
            "logID": self.signatures.id.hex(),
            "logIndex": 0,
        }
        return {
            "logIndex": "0",
            "logId": {"keyId": _b64(self.signatures.id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(now),
            "inclusionPromise": {"signedEntryTimestamp": _b64(self.signatures.sign(rfc8785.dumps(promised)))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": _b64(root),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": f"{note}\n— log.acme.example {signed}\n"},
            },
            "canonicalizedBody": _b64(body),
        }


@cache
def transparency(number: int = 0) -> Transparency:
    """Give a Sigstore; its keys are made once for all tests."""
    assert number >= 0
    return Transparency()


def _utf8(text: str) -> bytes:
    data = text.encode()
    return b"\x0c" + (bytes([len(data)]) if len(data) < 128 else b"\x81" + bytes([len(data)])) + data


def _usage(*, sign: bool) -> x509.KeyUsage:
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    more = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not sign, key_cert_sign=sign, crl_sign=sign, **more)
