"""Durable loose git objects: what stands between a written object and a power cut.

Format: zlib-compressed, at objects/<first two hex digits>/<the other 38> (gitrepository-layout(5)).
"""

import hashlib
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from registry.durable import make_folders, sync_file, sync_folder, write_file
from registry.errors import Unavailable


def write_objects(objects: Path, contents: Mapping[str, bytes]) -> None:
    """Write loose objects so that they survive a power cut: each is flushed and read back, then each folder flushed.

    An object that is already there is checked and flushed too: a killed process may have left it empty, torn or in
    memory only, and nothing else would ever repair it.

    Args:
        objects: the `objects` folder of the git repository.
        contents: compressed content by object id.

    Raises:
        OSError: the disk refused.
        Unavailable: what was read back is not what was written.
    """
    for object_id, compressed in contents.items():
        path = objects / object_id[:2] / object_id[2:]
        if _kept(path):
            continue
        _write(path, compressed)
        if not is_sound(path) and path.exists():  # gone: a repack found it in a pack already
            raise Unavailable(
                f"Object {object_id} could not be read back from disk; nothing was stored; check the disk"
            )
    # `objects` itself too: whoever made a folder in it may have been killed before flushing that.
    for folder in sorted({objects, *(objects / object_id[:2] for object_id in contents)}):
        with suppress(FileNotFoundError):  # a repack has just taken all that was in it into a pack
            sync_folder(folder)


def is_sound(path: Path) -> bool:
    """Tell whether a loose object is there and its content has the name it stands under."""
    try:
        content = zlib.decompress(path.read_bytes())
    except (FileNotFoundError, zlib.error):
        return False
    return hashlib.sha1(content, usedforsecurity=False).hexdigest() == path.parent.name + path.name


def _kept(path: Path) -> bool:
    """Use an object that is already there; its new date keeps `git prune` from taking it as an old leftover."""
    if not is_sound(path):
        return False
    try:
        os.utime(path)
        sync_file(path)
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, compressed: bytes) -> None:
    make_folders(path.parent)
    try:
        write_file(path, compressed)
    except FileNotFoundError:  # a repack removes folders that it emptied
        make_folders(path.parent)
        write_file(path, compressed)
