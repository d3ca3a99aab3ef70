"""The members of a wheel or sdist, by name and size; an archive that no registry would take is not looked into."""

import tarfile
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

LARGEST = 1024 * 1024  # bytes that are read of one member


class Members:
    """What is in an archive, read when it is first asked for."""

    def __init__(self, path: Path, kind: str, sizes: Mapping[str, int]) -> None:
        """Take an archive that `registry.archive.inspect` accepted, which has bounded everything about it.

        Args:
            path: the archive.
            kind: wheel or sdist.
            sizes: every file with its size, unpacked.
        """
        self._path = path
        self._kind = kind
        self.sizes = sizes

    @property
    def names(self) -> tuple[str, ...]:
        """Every file, in the archive's order."""
        return tuple(self.sizes)

    @cached_property
    def tops(self) -> frozenset[str]:
        """What would lie in the top folder of an installation; of an sdist, below its one folder."""
        names = self.names if self._kind == "wheel" else [name.partition("/")[2] for name in self.names]
        return frozenset(name.partition("/")[0] for name in names if name)

    def read(self, name: str) -> bytes:
        """Read the beginning of one file.

        Raises:
            KeyError: there is none of that name.
        """
        if self._kind == "wheel":
            with zipfile.ZipFile(self._path) as archive, archive.open(name) as file:
                return file.read(LARGEST)
        with tarfile.open(self._path, "r:gz") as packed:
            found = packed.extractfile(name)
            if found is None:
                raise KeyError(name)
            return found.read(LARGEST)
