"""What an archive may cost the server that looks into it."""

import io
import time
from dataclasses import dataclass
from pathlib import Path

from registry.errors import TooLarge

MIB = 1 << 20
CHUNK = 1 << 18  # bytes held of a member at one time


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one archive; the largest wheels in public use pass the defaults.

    Attributes:
        members: how many files and directories.
        unpacked: bytes of all members together; also bytes that archives inside the archive may expand to.
        ratio: how many times its own size an archive may unpack to, once that is more than `ratio_from` bytes.
        ratio_from: bytes below which the ratio does not matter.
        metadata: bytes of METADATA, PKG-INFO or RECORD, the only members that are read whole.
        seconds: of processor time, and
        seconds_per_mib: more of it for each MiB of the file; ten times what an honest archive takes on a slow machine.
    """

    members: int = 50_000
    unpacked: int = 4096 * MIB
    ratio: int = 50
    ratio_from: int = 64 * MIB
    metadata: int = 16 * MIB
    seconds: float = 10
    seconds_per_mib: float = 0.25

    def check_expansion(self, what: str, unpacked: int, packed: int) -> None:
        """Stop a decompression bomb as soon as its size is declared or reached.

        Args:
            what: the archive or the member, for the message.
            unpacked: bytes after decompression, as far as known.
            packed: bytes before.

        Raises:
            TooLarge: it expands to more than this server handles.
        """
        if unpacked > self.unpacked:
            raise TooLarge(
                f"{what} unpacks to more than {self.unpacked // MIB} MiB; split the package or ask for a higher limit"
            )
        if unpacked > self.ratio_from and unpacked > self.ratio * packed:
            raise TooLarge(
                f"{what} unpacks to more than {self.ratio} times its size, as decompression bombs do; "
                "ship large generated files in another way"
            )


class Metered(io.BufferedReader):
    """An archive that can be read only as long as looking into it has not cost too much.

    The processor time of the reading thread is what counts: a busy machine makes nobody's archive unacceptable.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        raw = io.FileIO(path)
        super().__init__(raw)
        self._most = limits.seconds + limits.seconds_per_mib * raw.seek(0, io.SEEK_END) / MIB
        self._until = time.thread_time() + self._most

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on.

        Raises:
            TooLarge: the archive has cost all the time that one of its size may.
        """
        if time.thread_time() > self._until:
            raise TooLarge(
                f"The archive takes more than {self._most:.0f} seconds to look through, far more than others of its "
                "size; split the package, or ship fewer and less compressed files"
            )
        return super().read(size)
