"""What Linux itself keeps from a process: Landlock for files, seccomp for everything else. Neither needs a privilege.

https://docs.kernel.org/userspace-api/landlock.html and seccomp_filter.html there; both hold until the process ends.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on every machine
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights over files each version of Landlock knows; later ones: 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # the latter: answered with EPERM
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # of classic BPF
_NUMBER, _MACHINE = 0, 4  # where they are in what a filter looks at
# What Python needs to go on with what is loaded, and to load more of its own files. Nothing here makes a process, a
# connection or a file, or reaches another process.
_NEEDED = {
    "x86_64": (0xC000003E, (
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 19, 20, 21, 24, 25, 28, 35, 39, 60, 63, 79, 89, 96,
        98, 99, 100, 102, 104, 107, 108, 110, 131, 186, 201, 202, 204, 217, 219, 228, 229, 230, 231, 257, 262, 267,
        269, 271, 273, 309, 318, 324, 332, 334, 439,
    )),
    "aarch64": (0xC00000B7, (
        17, 48, 56, 57, 61, 62, 63, 64, 65, 66, 67, 73, 78, 79, 80, 93, 94, 98, 99, 101, 113, 114, 115, 123, 124, 128,
        132, 134, 135, 139, 153, 160, 165, 168, 169, 172, 173, 174, 175, 176, 177, 178, 179, 214, 215, 216, 222, 226,
        233, 278, 283, 291, 293, 439,
    )),
}  # fmt: skip


@dataclass(frozen=True)
class Wall:
    """What this machine offers."""

    landlock: int  # its version; 0: there is none
    seccomp: bool

    def __str__(self) -> str:
        """Say which wall stands, and what is kept only by Python itself."""
        if self.landlock and self.seccomp:
            return "landlock and seccomp"
        if self.landlock:
            return "landlock, without seccomp: only Python itself keeps rules from network and processes"
        if self.seccomp:
            return "seccomp, without landlock: only Python itself keeps rules from reading other files"
        return "neither landlock nor seccomp: only limits, and Python itself, keep rules from anything"


def offered() -> Wall:
    """Ask the kernel what it has."""
    if sys.platform != "linux":
        return Wall(0, seccomp=False)
    version = _libc().syscall(_CREATE, None, ctypes.c_size_t(0), 1)
    allow = ctypes.c_uint32(0x00050000)  # SECCOMP_RET_ERRNO: does it know that answer?
    known = _NEEDED.get(platform.machine()) is not None
    number = {"x86_64": 317, "aarch64": 277}.get(platform.machine(), -1)
    return Wall(max(version, 0), seccomp=known and _libc().syscall(number, 2, 0, ctypes.byref(allow)) == 0)


def build(readable: Iterable[Path]) -> Wall:
    """Shut this process in, for good, behind everything the machine offers.

    Args:
        readable: the files and folders that it may still read.

    Raises:
        OSError: the kernel has it and refuses.
    """
    wall = offered()
    if wall.landlock or wall.seccomp:
        _done(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if wall.landlock:
        _shut_files(wall.landlock, readable)
    if wall.seccomp:
        _shut_calls(*_NEEDED[platform.machine()])
    return wall


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _done(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _shut_files(version: int, readable: Iterable[Path]) -> None:
    """Let nothing be read but these, and nothing be written, made, run or removed."""
    libc = _libc()
    handled = struct.pack("Q", (1 << _RIGHTS.get(version, 16)) - 1)
    rules = _done(libc.syscall(_CREATE, handled, ctypes.c_size_t(len(handled)), 0))
    for path in readable:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            continue
        rights = _READ_FILE | (_READ_FOLDER if path.is_dir() else 0)
        _done(libc.syscall(_ADD, rules, 1, struct.pack("=Qi", rights, place), 0))
        os.close(place)
    _done(libc.syscall(_RESTRICT, rules, 0))
    os.close(rules)


def _shut_calls(machine: int, needed: Iterable[int]) -> None:
    """Let no system call through but these; of another kind of machine, none at all."""
    steps = [(_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _REFUSE), (_LOAD, 0, 0, _NUMBER)]
    for number in needed:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _REFUSE))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    _done(_libc().prctl(_PR_SET_SECCOMP, _FILTER, program, 0, 0))
