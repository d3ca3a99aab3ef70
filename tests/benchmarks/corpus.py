"""What every server is filled with: real wheels and sdists, the same bytes on every machine and in every run."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.archives import core_metadata, sdist, wheel

MANY, SMALL, LARGE = "bench-many", "bench-small", "bench-large"
VERSIONS = 5  # of an ordinary project; a wheel and an sdist of each make ten files
REQUIRES_PYTHON = ">=3.8"
INSTALLED = 30  # projects that come with the first one, by their dependencies
_PAYLOADS = (1500, 2500, 4000, 8000)  # bytes
_HEADERS = (
    "Summary: A package to measure with",
    "License-Expression: MIT",
    "Classifier: Programming Language :: Python",
)

_BUILD = b'[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    projects: int  # of ten files each
    many: int  # versions of the one project with many files
    large: int  # bytes of the one large wheel

    @property
    def label(self) -> str:
        """Name what was made of these sizes, to find it again."""
        return f"{self.projects}-{self.many}-{self.large}"


FULL = Sizes(projects=1000, many=2000, large=50_000_000)
QUICK = Sizes(projects=100, many=2000, large=50_000_000)


@dataclass(frozen=True)
class Item:
    """One file of the corpus, and what an index says about it."""

    project: str
    version: str
    filename: str
    size: int
    sha256: str
    metadata: str


@dataclass(frozen=True)
class Corpus:
    """The files on disk, `packages/<project>/<filename>` below a folder."""

    folder: Path
    sizes: Sizes
    items: tuple[Item, ...]

    @property
    def packages(self) -> Path:
        """The folder of projects, as servers of folders want it."""
        return self.folder / "packages"

    def path(self, item: Item) -> Path:
        """Tell where a file lies."""
        return self.packages / item.project / item.filename

    def projects(self) -> dict[str, list[Item]]:
        """Group the files by project, in order."""
        grouped = defaultdict(list)
        for item in self.items:
            grouped[item.project].append(item)
        return dict(grouped)

    def ordinary(self, most: int) -> list[str]:
        """List projects of ten files, without those that the installs are about."""
        names = [name for name, items in self.projects().items() if len(items) == 2 * VERSIONS]
        return (names[INSTALLED:] or names)[:most]


def ordinary(number: int) -> str:
    """Name a project of ten files."""
    return f"bench-{number:04d}"


def corpus(folder: Path, sizes: Sizes) -> Corpus:
    """Give the corpus in a folder, made if it is not there yet."""
    listed = folder / "items.json"
    if not listed.exists():
        items = [_saved(folder, made) for made in _everything(sizes)]
        listed.write_text(json.dumps([asdict(item) for item in items]))
    return Corpus(folder, sizes, tuple(Item(**item) for item in json.loads(listed.read_text())))


def fresh(tag: str, count: int) -> list[tuple[Item, bytes]]:
    """Make wheels that are in no corpus, ten versions to a project, to upload."""
    return [_item(*_wheel(f"up-{tag}-{n // 10}", f"1.{n % 10}", 3000)) for n in range(count)]


Made = tuple[str, str, bytes, bytes, str]  # project, version, metadata, content, filename


def _everything(sizes: Sizes) -> Iterator[Made]:
    for n in range(sizes.projects):
        needs = [ordinary(k) for k in (2 * n + 1, 2 * n + 2) if n < INSTALLED and k < min(INSTALLED, sizes.projects)]
        for version in (f"1.{k}.0" for k in range(VERSIONS)):
            yield _wheel(ordinary(n), version, _PAYLOADS[n % 4], *needs)
            yield _sdist(ordinary(n), version, _PAYLOADS[n % 4] // 2, *needs)
    for n in range(sizes.many):
        version = f"{1 + n // 500}.{n // 20 % 25}.{n % 20}"
        yield _wheel(MANY, version, 600, SMALL)
        yield _sdist(MANY, version, 300, SMALL)
    yield _wheel(SMALL, "1.0.0", 8650)
    yield _wheel(LARGE, "1.0.0", sizes.large)


def _wheel(project: str, version: str, size: int, *needs: str) -> Made:
    metadata = _metadata(project, version, needs)
    filename, content = wheel(project, version, metadata=metadata, files=_files(project, version, size))
    return project, version, metadata, content, filename


def _sdist(project: str, version: str, size: int, *needs: str) -> Made:
    metadata = _metadata(project, version, needs)
    files = {**_files(project, version, size), "pyproject.toml": _BUILD}
    filename, content = sdist(project, version, metadata=metadata, files=files)
    return project, version, metadata, content, filename


def _metadata(project: str, version: str, needs: tuple[str, ...]) -> bytes:
    headers = [*_HEADERS, *(f"Requires-Dist: {need} >=1.0" for need in needs)]
    body = f"# {project}\n\n" + "What a package says about itself takes some space. " * 20
    return core_metadata(project, version, requires_python=REQUIRES_PYTHON, headers=headers, body=body)


def _files(project: str, version: str, size: int) -> dict[str, bytes]:
    module = project.replace("-", "_")
    noise = hashlib.shake_256(f"{project} {version}".encode()).digest(size)  # as good as random: nothing compresses it
    return {f"{module}/__init__.py": f'__version__ = "{version}"\n'.encode(), f"{module}/data.bin": noise}


def _item(project: str, version: str, metadata: bytes, content: bytes, filename: str) -> tuple[Item, bytes]:
    return Item(
        project, version, filename, len(content), hashlib.sha256(content).hexdigest(), metadata.decode()
    ), content


def _saved(folder: Path, made: Made) -> Item:
    item, content = _item(*made)
    path = folder / "packages" / item.project / item.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # of a run that was interrupted
    path.write_bytes(content)
    path.chmod(0o444)  # servers are given links to it
    return item
