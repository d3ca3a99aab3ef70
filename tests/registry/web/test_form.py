"""Upload forms: however a body is cut on its way, what arrives is what was sent."""

import io
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from registry.blobs.local import LocalBlobs
from registry.errors import Invalid
from registry.web.form import receive
from registry.web.request import Request
from tests.registry.web.site import BOUNDARY, Field, multipart

PIECES = st.sampled_from([b"\r\n", b"\r", b"\n", b"--", b"-", BOUNDARY.encode(), f"\r\n--{BOUNDARY}".encode(), b"x"])
NEARLY = f"\r\n--{BOUNDARY}--".encode()
CONTENT = st.lists(st.one_of(PIECES, st.binary(max_size=5)), max_size=20).map(b"".join).filter(
    lambda data: NEARLY[:-2] not in b"\r\n" + data + b"\r\n"
)  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(lambda text: BOUNDARY not in text)


class Cut(io.RawIOBase):
    """A body that comes in pieces of given sizes, over and over."""

    def __init__(self, body: bytes, sizes: Sequence[int]) -> None:
        self._body, self._sizes, self._reads = io.BytesIO(body), sizes, 0

    def read(self, size: int = -1) -> bytes:
        self._reads += 1
        return self._body.read(min(size, self._sizes[self._reads % len(self._sizes)]))


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> LocalBlobs:
    return LocalBlobs(tmp_path_factory.mktemp("form") / "lfs")


def read(blobs: LocalBlobs, body: bytes, content_type: str, sizes: Sequence[int]) -> tuple[list[str], str, bytes]:
    """Give the values of `name`, the filename and the file."""
    environ = EnvironBuilder(method="POST", content_type=content_type, data=body).get_environ()
    with ExitStack() as stack:
        form = receive(Request({**environ, "wsgi.input": Cut(body, sizes)}), ["name"], blobs, 2**20, stack)
        return form.values("name"), form.filename, form.draft.path.read_bytes()


@settings(max_examples=300, deadline=None)
@given(
    names=st.lists(TEXT, max_size=3),
    data=CONTENT,
    others=st.lists(TEXT, max_size=3),
    sizes=st.lists(st.integers(1, 80), min_size=1, max_size=5),
)
def test_fields_and_file_arrive_as_sent_however_the_body_is_cut(
    blobs: LocalBlobs, names: list[str], data: bytes, others: list[str], sizes: list[int]
) -> None:
    fields: list[Field] = [("name", name) for name in names]
    fields += [("content", ("demo.whl", data)), *(("other", text) for text in others)]
    body, content_type = multipart(fields)
    assert read(blobs, body, content_type, sizes) == (names, "demo.whl", data)


def test_a_form_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    body, content_type = multipart([("name", "demo"), ("content", ("demo.whl", b"a wheel"))])
    for length in range(1, len(body) - 2):  # the last line break may be missing
        with pytest.raises(Invalid, match="form"):
            read(LocalBlobs(tmp_path), body[:length], content_type, [80])
    assert list((tmp_path / "tmp").iterdir()) == []
