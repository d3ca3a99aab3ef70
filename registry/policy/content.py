"""What a policy is read from, and what is kept of it by content."""

from collections.abc import Mapping
from typing import Any, Protocol

from registry.kept import Kept

_MOST = 8 * 1024**2  # bytes of files whose content is kept parsed
_LEAST = 100  # bytes that even an empty file is counted as
_DERIVED = 32  # things that follow from whole folders


class Content(Protocol):
    """One file or folder."""

    @property
    def id(self) -> str:
        """What changes exactly when the content does."""

    @property
    def folder(self) -> bool:
        """Whether it is a folder."""


class Files(Protocol):
    """The files of one commit of branch `main`."""

    @property
    def id(self) -> str:
        """The commit id."""

    def read(self, path: str) -> bytes | None:
        """Read one file; None where there is none."""

    def entries(self, path: str) -> Mapping[str, Content]:
        """List a folder by name; empty where there is none. The root is ''."""


class Memory:
    """What files say, whatever the commit: of two that are compared, most files are the same. Any thread may use it."""

    def __init__(self) -> None:
        self.files: Kept[tuple[str, str], tuple[Any, int]] = Kept(_MOST, lambda read: max(read[1], _LEAST))
        self.derived: Kept[tuple[str, ...], Any] = Kept(_DERIVED)
