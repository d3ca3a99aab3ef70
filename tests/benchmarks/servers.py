"""What every measured server has in common: a state made once, a copy of it to work on, a process on its core."""

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from tests.benchmarks.client import get
from tests.benchmarks.corpus import LARGE, MANY, Corpus, Item
from tests.benchmarks.machine import SERVER_CORE, Process, Unmeasured, free_port, run, wait
from tests.benchmarks.uploading import forms, upload

MANY_PATIENCE = {True: 60, False: 300}  # seconds, by quickness, that filling the one project with many files may take


@dataclass(frozen=True)
class Setup:
    """One run of the benchmark: where it works, with what, and how long."""

    work: Path
    corpus: Corpus
    quick: bool = False
    workers: int = 1  # of Waybill, where it has one core

    @property
    def seconds(self) -> int:
        """How long one cell of a table is measured."""
        return 2 if self.quick else 8


class Server(ABC):
    """One server, as a black box with a simple index."""

    name: ClassVar[str]
    takes_uploads: ClassVar[bool] = True
    kept: ClassVar[bool] = False  # filling it takes so long that its state serves later runs too

    fillers: ClassVar[int] = 8  # uploaders that fill it at once

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.port = free_port()
        self.folder = Path()
        self.process: Process | None = None

    # What each server says about itself.

    @abstractmethod
    def install(self) -> str:
        """Make the program available and give its version, or say why not (`Unmeasured`)."""

    @abstractmethod
    def create(self) -> None:
        """Make in `self.folder` what an empty server needs before it starts."""

    def fill(self) -> None:
        """Put the corpus in; the server is not running. Not every server can: others get it by upload."""
        self.start()
        try:
            self._fill_by_upload()
        finally:
            self.stop()

    @abstractmethod
    def command(self) -> list[str | Path]:
        """Give the command that serves `self.folder` on `self.port`, in the foreground."""

    @property
    @abstractmethod
    def index_url(self) -> str:
        """The simple index, with a slash at the end."""

    @property
    def upload_url(self) -> str:
        """Where uploads go."""
        raise NotImplementedError(f"{self.name} takes no uploads")

    @property
    def account(self) -> tuple[str, str] | None:
        """User and password of uploaders."""
        return None

    @property
    def credentials(self) -> dict[str, str]:
        """What every reader sends."""
        return {}

    def heads(self, count: int) -> list[dict[str, str]]:
        """Make different request heads, as different people and programs send them."""
        return [{"User-Agent": f'pip/26.{n} {{"python":"3.{11 + n % 4}.{n}"}}'} for n in range(count)]

    # What is the same for all.

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def page(self, project: str) -> str:
        """Tell the address of a project's page."""
        return f"{self.index_url}{project}/"

    def held(self, project: str) -> list[Item]:
        """List the files of a project that this server was filled with."""
        items = self.setup.corpus.projects()[project]
        noted = self.folder / "held.json"
        return items[: json.loads(noted.read_text())[MANY]] if project == MANY and noted.exists() else items

    @contextmanager
    def running(self, *, filled: bool, core: int | None = SERVER_CORE) -> Iterator[Self]:
        """Serve a state of its own, empty or with the corpus, for the time of a block."""
        with self.standing(filled=filled):
            self.start(core)
            yield self

    @contextmanager
    def standing(self, *, filled: bool) -> Iterator[Self]:
        """Put a state in place for the time of a block, and serve it not yet."""
        template = self.template(filled=filled)
        self.folder = self.setup.work / "run" / self.name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(exist_ok=True)
        run("cp", "-a", template, self.folder)
        try:
            yield self
        finally:
            self.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def template(self, *, filled: bool) -> Path:
        """Give the folder of a state, made now if it is not there."""
        label = self.setup.corpus.folder.name if filled else "empty"
        whole = self.setup.work / "state" / f"{self.name}-{label}"
        if whole.exists():
            return whole
        self.folder = whole.with_suffix(".part")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.create()
        if filled:
            self.fill()
        return self.folder.rename(whole)

    def forget(self) -> None:
        """Drop states made by another version of the program, unless they were costly."""
        if not self.kept:
            for state in (self.setup.work / "state").glob(f"{self.name}-*"):
                shutil.rmtree(state)

    def start(self, core: int | None = None) -> None:
        """Start serving `self.folder`, and wait until it answers."""
        self.launch(core)
        assert self.process
        wait(lambda: get(self.index_url, self.credentials).status < 500, self.process)

    def launch(self, core: int | None) -> None:
        """Start serving and wait for nothing."""
        self.process = Process.start(self.command(), self.setup.work / f"{self.name}.log", core)

    def stop(self) -> None:
        """Stop serving."""
        if self.process:
            self.process.stop()
            self.process = None

    def _fill_by_upload(self) -> None:
        corpus = self.setup.corpus
        many = [item for item in corpus.items if item.project == MANY]
        usual = [item for item in corpus.items if item.project not in {MANY, LARGE}]
        large = [item for item in corpus.items if item.project == LARGE]
        self.upload_items([*usual, *large])
        taken = self.upload_items(many, MANY_PATIENCE[self.setup.quick])
        (self.folder / "held.json").write_text(json.dumps({MANY: taken}))

    def upload_items(self, items: list[Item], seconds: float = 1e9) -> int:
        """Upload files of the corpus, and tell how many could be in a time."""
        made = forms((item, self.setup.corpus.path(item).read_bytes()) for item in items)
        done = upload(self.upload_url, self.upload_credentials, made, self.fillers, seconds=seconds)
        if done.failures:
            raise Unmeasured(f"it cannot be filled: {done.problem}")
        return done.count

    @property
    def upload_credentials(self) -> dict[str, str]:
        """What every uploader sends."""
        return self.credentials
