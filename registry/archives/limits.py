"""What an archive may cost the server that looks into it."""

from dataclasses import dataclass

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
    """

    members: int = 50_000
    unpacked: int = 4096 * MIB
    ratio: int = 100
    ratio_from: int = 64 * MIB
    metadata: int = 16 * MIB

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
