"""A multipart form as it streams in: the fields somebody asks for in memory, the one file in a draft (RFC 7578)."""

import re
from collections.abc import Callable, Collection
from contextlib import ExitStack

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from werkzeug.exceptions import RequestEntityTooLarge

from registry.blobs import Blobs
from registry.blobs.incoming import Incoming
from registry.errors import Invalid
from registry.web.request import Request

FORM_BYTES = 16 * 2**20  # all of an upload but its file; a README of 5 MB and thousands of classifiers must fit
FORM_PARTS = 8_000

_CHUNK = 2**18  # bytes read at one time
_FILE_FIELDS = ("content", "file")  # legacy uploaders; curl
_PARAMETER = re.compile(r";\s*(name|filename)\*?\s*=", re.IGNORECASE)
_SEND_ONE = "send exactly one, as multipart/form-data field 'content' or 'file'"


class Form:
    """What an upload carries: its file, and what it says about it."""

    def __init__(self, wanted: Collection[str], open_draft: Callable[[], Incoming]) -> None:
        """Begin with an empty form.

        Args:
            wanted: the fields whose values are kept; all others are read over.
            open_draft: makes what the file is written to.
        """
        self.filename = ""
        self._texts: dict[str, list[bytearray]] = {name: [] for name in wanted}
        self._open_draft = open_draft
        self._draft: Incoming | None = None

    def values(self, field: str) -> list[str]:
        """Give what was sent as one of the wanted fields."""
        return [text.decode("utf-8", "replace") for text in self._texts[field]]

    @property
    def draft(self) -> Incoming:
        """The file.

        Raises:
            Invalid: there is none.
        """
        if self._draft is None:
            raise Invalid(f"content: the upload carries no file; {_SEND_ONE}")
        return self._draft

    def begin(self, part: MultipartSegment) -> Callable[[bytes], object]:
        """Tell where the bytes of a part go.

        Raises:
            Invalid: it is a second file, a text that is sent as one, or has two names.
        """
        _require_one_name(part)
        if part.filename is None and part.name in self._texts:
            text = bytearray()
            self._texts[part.name].append(text)
            return text.extend
        if part.filename is None:
            return _read_over
        if part.name in self._texts:
            raise Invalid(f"{part.name}: was sent as a file, with a filename; send it as text")
        if part.name not in _FILE_FIELDS:
            return _read_over
        if self._draft:
            raise Invalid(f"content: the upload carries more than one file; {_SEND_ONE}")
        self.filename, self._draft = part.filename, self._open_draft()
        return self._draft.write


def receive(request: Request, wanted: Collection[str], blobs: Blobs, limit: int, stack: ExitStack) -> Form:
    """Read the body of an upload; one that is no multipart form stays unread and carries no file.

    Args:
        request: whose body nobody has read yet.
        wanted: the fields whose values are kept.
        blobs: where the file becomes a draft.
        limit: the largest file accepted, in bytes.
        stack: closes the draft.

    Raises:
        Invalid: it is not a whole form, or carries more than one file. `TooLarge` if the file is.
        RequestEntityTooLarge: all but the file is too large together, or has too many parts.
    """
    form = Form(wanted, lambda: request.drafting(stack.enter_context(blobs.incoming(limit))))
    if request.mimetype != "multipart/form-data":
        return form
    request.allow(FORM_BYTES, limit)
    stream, boundary = request.stream, request.mimetype_params.get("boundary", "")
    take: Callable[[bytes], object] = _read_over
    try:
        parser = PushMultipartParser(boundary, max_segment_count=FORM_PARTS)
        while not parser.closed:
            for event in parser.parse(stream.read(_CHUNK)):
                if isinstance(event, MultipartSegment):
                    take = form.begin(event)
                elif event:
                    take(event)
    except ParserLimitReached:
        raise RequestEntityTooLarge from None
    except MultipartError as error:
        raise Invalid(f"The body is not a whole multipart/form-data form: {error}. Send the upload again") from None
    return form


def _require_one_name(part: MultipartSegment) -> None:
    """Refuse a part that one reader takes for one field, and another, such as a proxy that looks in, for another."""
    said = [value for name, value in part.headerlist if name == "Content-Disposition"]
    parameters = [parameter.lower() for parameter in _PARAMETER.findall(said[0])] if said else []
    if len(said) != 1 or len(set(parameters)) != len(parameters):
        raise Invalid("The form has a part with two names or none; send one Content-Disposition with one of each")


def _read_over(_data: bytes) -> None:
    """Keep nothing of a part, such as the signature that some uploaders send beside the file."""
