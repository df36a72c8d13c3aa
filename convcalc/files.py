"""How every file is written: whole or not at all, and over another one only where that is asked for."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable


class Unwritable(Exception):
    """A file that is not written; what was there is as it was. The message names it and says why."""


def check(path: str, *, force: bool = False, sources: Iterable[str] = ()) -> None:
    """Refuse a file before the work for it is done.

    `sources` are files that the command reads, which are not written over even with `force`.

    Raises:
        Unwritable: the file is there and `force` is not set, or it is one of the sources.
    """
    status = _status(path)
    if status is None:
        if os.path.lexists(path) and not force:  # a link to a file that is not there
            raise _there_already(path)
        return
    if _is_stream(status):
        return
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise Unwritable(f"cannot write {_readable(path)}: it is {what}")
    if not force:
        raise _there_already(path)
    for source in sources:
        with contextlib.suppress(OSError, ValueError):
            if os.path.samestat(status, os.stat(source)):
                raise Unwritable(f"cannot write {_readable(path)}: it is what is read; name another file")


def write(path: str, parts: Iterable[bytes], *, force: bool = False) -> None:
    """Write a file, which then holds all of `parts`, whatever happens on the way, or is as it was.

    The parts go to a file beside it, which is flushed to the disk and takes its place. A file that is written over
    keeps its permissions; a symbolic link stays one, and the file that it leads to is written. Pipes and devices, which
    keep nothing, are written to as they are.

    Raises:
        Unwritable: the file is there and `force` is not set, or it cannot be written.
    """
    check(path, force=force)
    status = _status(path)
    try:
        if status is not None and _is_stream(status):
            with open(path, "wb") as stream:
                stream.writelines(parts)
        elif not os.path.basename(path):
            raise Unwritable(f"cannot write {_readable(path) or 'a file'}: it has no name")
        else:
            _replace(os.path.realpath(path), parts, status, force=force)
    except FileExistsError:
        raise _there_already(path) from None
    except OSError as error:
        raise _unwritable(path, error) from None


def _replace(target: str, parts: Iterable[bytes], old: os.stat_result | None, *, force: bool) -> None:
    if old is not None and not os.access(target, os.W_OK):  # a rename would not mind
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".convcalc-{os.urandom(8).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, 0o666 if old is None else 0o600)
    try:
        with open(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            with contextlib.suppress(OSError, AttributeError):  # it was somebody else's, and is ours now
                os.chown(temporary, old.st_uid, old.st_gid)
            os.chmod(temporary, stat.S_IMODE(old.st_mode))
        if force:
            os.replace(temporary, target)
        else:
            _put_where_nothing_is(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _flush_folder(folder)


def _put_where_nothing_is(temporary: str, target: str) -> None:
    """Give a file its name, unless another has it by now."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError from None
        os.rename(temporary, target)
    else:
        with contextlib.suppress(OSError):  # the file is there by now, whole
            os.unlink(temporary)


def _flush_folder(folder: str) -> None:
    """Make the new name last as well, where the system can: the file is whole under the old or the new one."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _status(path: str) -> os.stat_result | None:
    """What is there, behind links; None where nothing is."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def _is_stream(status: os.stat_result) -> bool:
    return stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)


def _there_already(path: str) -> Unwritable:
    return Unwritable(f"{_readable(path)} is there already; --force writes over it")


def _unwritable(path: str, error: OSError | ValueError) -> Unwritable:
    return Unwritable(f"cannot write {_readable(path)}: {getattr(error, 'strerror', None) or error}")


def _readable(path: str) -> str:
    return path.encode(errors="replace").decode()
