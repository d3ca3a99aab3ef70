"""The members of a wheel or sdist, by name and size; an archive that no registry would take is not looked into."""

import tarfile
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

LARGEST = 1024 * 1024  # bytes that are read of one member


class Members:
    """What is in an archive, read when it is first asked for."""

    def __init__(self, path: Path, kind: str) -> None:
        """Take an archive that `registry.archive.inspect` accepted, which has bounded everything about it."""
        self._path = path
        self._kind = kind

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Every file with its size, unpacked."""
        if self._kind == "wheel":
            with zipfile.ZipFile(self._path) as archive:
                return {found.filename: found.file_size for found in archive.infolist() if not found.is_dir()}
        with tarfile.open(self._path, "r:gz") as archive:
            return {found.name: found.size for found in archive if found.isfile()}

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
