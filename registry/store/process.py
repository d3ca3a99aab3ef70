"""A process that is fed and heard at once, bounded in time, and gone with all that it started when it is closed."""

import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from registry.errors import Unavailable

LONGEST = 1800.0  # seconds of one run
STALL = 120.0  # seconds in which it neither says nor takes anything
PARTING = 5.0  # seconds it has to remove its drafts when it is told to stop
EARLY = 16 * 2**20  # bytes it may say while it is still being fed
LONGEST_HEAD = 16 * 2**10  # bytes
_BLOCK = 64 * 2**10  # bytes


class Process:
    """One run of a program that reads and writes as CGI has it (RFC 3875)."""

    def __init__(self, command: list[str], environment: Mapping[str, str], ended: Callable[[], None]) -> None:
        """Start it.

        Args:
            command: what to run.
            environment: all of it.
            ended: is called once, when it is closed.

        Raises:
            OSError: it cannot be run.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(  # noqa: S603 - fixed words
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=dict(environment),
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        except OSError:
            self._errors.close()
            raise
        self._ended: Callable[[], None] | None = ended
        self._until = time.monotonic() + LONGEST
        self._early = bytearray()
        self._over = False
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        for pipe in (self._stdin, self._stdout):
            if pipe:
                os.set_blocking(pipe.fileno(), False)

    def feed(self, body: Callable[[int], bytes]) -> None:
        """Give git the request's body, and keep what it says meanwhile: else each could wait for the other."""
        with suppress(BrokenPipeError):  # it has heard enough, and says why
            while block := body(_BLOCK):
                self._write(memoryview(block))
        if self._stdin:
            self._stdin.close()

    def head(self) -> str:
        """Read the head of its answer."""
        came = bytearray()
        while (end := came.find(b"\r\n\r\n")) < 0:
            block = self.read()
            if not block or len(came) > LONGEST_HEAD:
                raise Unavailable(f"git could not answer ({self._why()}); its operator finds more in 'git fsck'")
            came += block
        self._early[:0] = came[end + 4 :]
        return came[:end].decode("latin-1")

    def read(self) -> bytes:
        """Read what comes next of its answer; empty at the end."""
        if self._early:
            block = bytes(self._early)
            self._early.clear()
            return block
        self._wait(writing=False)
        return self._take()

    def succeeded(self) -> bool:
        """Tell, after it has said all, whether it ended well."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(PARTING) == 0
        return False

    def close(self) -> None:
        """End it, and all that it started, if it has not ended by itself."""
        if self._ended is None:
            return
        try:
            for sign in (None, signal.SIGTERM, signal.SIGKILL) if self._over else (signal.SIGTERM, signal.SIGKILL):
                if sign:
                    with suppress(ProcessLookupError):
                        os.killpg(self._process.pid, sign)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(PARTING)
                    break
            for pipe in (self._stdin, self._stdout, self._errors):
                if pipe:
                    pipe.close()
        finally:
            self._ended()
            self._ended = None

    def _write(self, left: memoryview) -> None:
        while left and self._stdin:
            can_read, can_write = self._wait(writing=True)
            if can_read:
                block = self._take()
                self._early += block
                if not block or len(self._early) > EARLY:
                    raise BrokenPipeError
            if can_write:
                with suppress(BlockingIOError):
                    left = left[os.write(self._stdin.fileno(), left) :]

    def _take(self) -> bytes:
        block = os.read(self._stdout.fileno(), _BLOCK) if self._stdout else b""
        self._over = not block
        return block

    def _wait(self, *, writing: bool) -> tuple[bool, bool]:
        """Wait until git says or takes something."""
        left = min(STALL, self._until - time.monotonic())
        with selectors.DefaultSelector() as selector:
            if self._stdout:
                selector.register(self._stdout, selectors.EVENT_READ)
            if writing and self._stdin:
                selector.register(self._stdin, selectors.EVENT_WRITE)
            ready = {key.fileobj for key, _ in selector.select(max(0.0, left))}
        if not ready:
            raise Unavailable("git took too long and was stopped; nothing was changed, try again with less")
        return self._stdout in ready, self._stdin in ready

    def _why(self) -> str:
        self._errors.seek(0)
        said = self._errors.read(4096).decode("utf-8", "replace").strip()
        text = re.sub(r"\s+", " ", said.rpartition("\n")[2])
        return text[:200] or "it said nothing"
