"""The legacy upload and the simple index, spoken by the standard library: fast, and it says every answer as it came."""

import hashlib
import http.client
import json
import re
import uuid
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

PAGE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when the connection broke first."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(url: str, method: str = "GET", body: bytes = b"", timeout: float = 60, **headers: str) -> Answer:
    """Send one request on a connection of its own."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=timeout)
    try:
        connection.request(method, split.path, body or None, {n.replace("_", "-"): v for n, v in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException):
        return Answer(0, b"")
    finally:
        connection.close()


def authorization(token: str) -> str:
    return "Basic " + b64encode(f"__token__:{token}".encode()).decode()


def upload(url: str, token: str, filename: str, content: bytes) -> Answer:
    """Upload one file as twine does."""
    name, version = re.split(r"-(?=\d)", filename.removesuffix(".tar.gz"), maxsplit=1)
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "name": name,
        "version": version.partition("-")[0],
        "filetype": "bdist_wheel" if filename.endswith(".whl") else "sdist",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
    }
    boundary = uuid.uuid4().hex
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()
    )
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    content_type = f"multipart/form-data; boundary={boundary}"
    return ask(url, "POST", body, Content_Type=content_type, Authorization=authorization(token))


@dataclass(frozen=True)
class Listed:
    """A file as the page of its project offers it."""

    url: str
    sha256: str
    metadata_sha256: str | None


def listed(index: str, token: str, project: str) -> dict[str, Listed]:
    """Read the page of a project; empty when there is none."""
    page = f"{index}{project}/"
    answer = ask(page, Accept=PAGE, Authorization=authorization(token))
    if answer.status == 404:
        return {}
    assert answer.status == 200, answer
    files = {}
    for file in json.loads(answer.body)["files"]:
        metadata = file["core-metadata"] or {}
        files[file["filename"]] = Listed(
            urljoin(page, file["url"]), file["hashes"]["sha256"], metadata.get("sha256") if metadata else None
        )
    return files


def check_download(file: Listed, token: str) -> None:
    """Download a file and its core metadata, and compare both with what the page says."""
    pairs = [(file.url, file.sha256)]
    if file.metadata_sha256:
        pairs.append((f"{file.url}.metadata", file.metadata_sha256))
    for url, sha256 in pairs:
        answer = ask(url, Authorization=authorization(token))
        assert answer.status == 200, (url, answer)
        assert hashlib.sha256(answer.body).hexdigest() == sha256, url
