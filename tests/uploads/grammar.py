"""What a generated upload is made of: a good distribution, whose parts a rule spoils or makes odd, in a form."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from tests import archives
from tests.rawtar import Item, pax
from tests.rawzip import Part, zip_bytes

Header = tuple[str, bytes]  # Content-Disposition as written, and what follows
Rule = Callable[["Make"], "Upload"]

WORDS = ("acme", "api", "billing", "core", "data", "etl", "front", "graph", "http", "jobs", "ledger", "mail", "tools")
VERSIONS = (
    "1.0",
    "0.1.dev3",
    "2!1.0",
    "1.0rc1",
    "2026.11.21",
    "1.0.post2",
    "1.2.3.4.5.6",
    "1.0a1.post1.dev1",
    "1.0+acme.1",
)
TAGS = (
    "py3-none-any",
    "py2.py3-none-any",
    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp312-abi3-win_amd64",
)


@dataclass(frozen=True)
class Upload:
    """One request, as it goes out."""

    rule: str
    body: bytes
    content_type: str
    chunked: bool = False  # its length is not said


@dataclass
class Make:
    """Chance, and the number that keeps generated names apart."""

    r: Random
    number: int
    name: str = ""
    version: str = ""
    tag: str = ""

    def __post_init__(self) -> None:
        self.name = "-".join([self.r.choice(WORDS), f"x{self.number}", *self.r.sample(WORDS, self.r.randrange(3))])
        self.version = self.r.choice(VERSIONS)
        self.tag = self.r.choice(TAGS)

    @property
    def stem(self) -> str:
        return archives.stem(self.name, self.version)

    @property
    def info(self) -> str:
        return f"{self.stem}.dist-info"

    def one(self, *things: str) -> str:
        return self.r.choice(things)

    def noise(self, most: int = 200) -> bytes:
        return self.r.randbytes(self.r.randrange(1, most))

    def content(self) -> dict[str, bytes]:
        """Make some modules and data."""
        package = self.name.replace("-", "_")
        some = {f"{package}/m{n}.py": self.noise() for n in range(self.r.randrange(4))}
        return {f"{package}/__init__.py": b"", **some}

    def files(self, **content: object) -> dict[str, bytes]:
        """Make the files of a good wheel."""
        given = {"files": self.content(), **content}
        return archives.wheel_files(self.name, self.version, tag=self.tag, **given)[1]  # type: ignore[arg-type]

    @property
    def wheel_name(self) -> str:
        return f"{self.stem}-{self.tag}.whl"

    def with_record(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Write RECORD anew, so that only what a rule spoiled is wrong."""
        own = f"{self.info}/RECORD"
        rest = {name: data for name, data in files.items() if name != own}
        return rest | {own: archives.record(rest, own)}

    def items(self, **content: object) -> list[Item]:
        """Make the members of a good sdist."""
        given = {"files": {f"src/{name}": data for name, data in self.content().items()}, **content}
        return archives.sdist_items(self.name, self.version, **given)[1]  # type: ignore[arg-type]

    @property
    def sdist_name(self) -> str:
        return f"{self.stem}.tar.gz"

    def wheel(self, **content: object) -> tuple[str, bytes]:
        return self.wheel_name, zip_bytes(archives.parts(self.files(**content)))

    def sdist(self, **content: object) -> tuple[str, bytes]:
        return self.sdist_name, archives.targz(fitting(self.items(**content)))

    def either(self, **content: object) -> tuple[str, bytes]:
        return self.wheel(**content) if self.r.random() < 0.6 else self.sdist(**content)

    def zipped(self, parts: Iterable[Part], **end: int) -> Upload:
        return self.form((self.wheel_name, zip_bytes(parts, **end)))

    def tarred(self, items: Iterable[Item]) -> Upload:
        return self.form((self.sdist_name, archives.targz(fitting(items))))

    def form(self, archive: tuple[str, bytes], *fields: tuple[str, str]) -> Upload:
        """Send a file, with some of the fields that clients send."""
        kind = "bdist_wheel" if archive[0].endswith(".whl") else "sdist"
        usual = [(":action", "file_upload"), ("protocol_version", "1"), ("filetype", kind), ("summary", "x" * 20)]
        chosen = [(name, value) for name, value in usual if self.r.random() < 0.5 and name not in dict(fields)]
        parts = [part(name, value) for name, value in (*chosen, *fields)]
        parts.insert(self.r.randrange(len(parts) + 1), part(self.one("content", "file"), archive[1], archive[0]))
        return self.sent(parts)

    def sent(self, parts: Sequence[Header], boundary: str = "----boundary", *, chunked: bool = False) -> Upload:
        """Write a form of parts (RFC 7578)."""
        mark = b"--" + boundary.encode()
        body = b"".join(
            mark + b"\r\n" + head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + data + b"\r\n"
            for head, data in parts
        )
        said = (
            boundary if boundary.replace("-", "").isalnum() else f'"{boundary}"'
        )  # a token, or quoted (RFC 9110, 5.6)
        return Upload("", body + mark + b"--\r\n", f"multipart/form-data; boundary={said}", chunked)


def fitting(items: Iterable[Item]) -> list[Item]:
    """Give names that are too long for a tar header one of their own (POSIX.1-2001)."""
    fits: list[Item] = []
    for item in items:
        short = len(item.name) <= 100
        fits += [item] if short else [pax({"path": item.name.decode()}), replace(item, name=b"long")]
    return fits


def part(name: str, value: str | bytes, filename: str | None = None) -> Header:
    """Write one part's head."""
    more = "" if filename is None else f'; filename="{filename}"'
    data = value.encode() if isinstance(value, str) else value
    return f'Content-Disposition: form-data; name="{name}"{more}', data
