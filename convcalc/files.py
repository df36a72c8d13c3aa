"""How every file is written: whole or not at all, and over another one only where that is asked for."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import stat
import threading
from collections.abc import Iterable, Iterator

OPEN_ALREADY = re.compile(r"/dev/(?P<name>stdout|stderr)|/(dev|proc/self)/fd/(?P<number>[0-9]{1,9})")
"""Names of what the process has open, which is written on to, wherever it leads."""
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a process at once, and here once nothing is left behind."""

Part = bytes | memoryview


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
    if _is_stream(path, status):
        return
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise Unwritable(f"cannot write {path}: it is {what}")
    if not force:
        raise _there_already(path)
    for source in sources:
        with contextlib.suppress(OSError, ValueError):
            if os.path.samestat(status, os.stat(source)):
                raise Unwritable(f"cannot write {path}: it is what is read; name another file")


def write(path: str, parts: Iterable[Part], *, force: bool = False) -> None:
    """Write a file, which then holds all of `parts`, whatever happens on the way, or is as it was.

    The parts go to a file beside it, which is flushed to the disk and takes its place. A file that is written over
    keeps its permissions; a symbolic link stays one, and the file that it leads to is written. Other names of a file
    (hard links) keep what was there. Pipes, devices, and what the process has open are written to as they are.

    The file beside it is gone whatever goes wrong, a signal that ends the process included; where the process or the
    machine is gone at once, as by SIGKILL, one called ``.convcalc-*.tmp`` may stay, and can be removed.

    Raises:
        Unwritable: the file is there and `force` is not set, or it cannot be written.
    """
    check(path, force=force)
    status = _status(path)
    try:
        if status is not None and _is_stream(path, status):
            with open(_open_already(path), "wb") as stream:
                stream.writelines(parts)
        elif not os.path.basename(path):
            raise Unwritable(f"cannot write {path or 'a file'}: it has no name")
        else:
            _replace(os.path.realpath(path), parts, status, force=force)
    except FileExistsError:
        raise _there_already(path) from None
    except OSError as error:
        raise _unwritable(path, error) from None


def _replace(target: str, parts: Iterable[Part], old: os.stat_result | None, *, force: bool) -> None:
    if old is not None and not os.access(target, os.W_OK):  # a rename would not mind
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".convcalc-{os.urandom(8).hex()}.tmp")
    with ended_in_order():
        try:
            handle = _created(temporary, 0o666 if old is None else 0o600)
            with open(handle, "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            if old is not None:
                _keep_permissions(temporary, target, old)
            if force:
                os.replace(temporary, target)
            else:
                _put_where_nothing_is(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    _flush_folder(folder)


def _created(temporary: str, mode: int) -> int:
    try:
        return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    except PermissionError as error:
        raise PermissionError(error.errno, f"{os.strerror(error.errno or 0)} to make files in its folder") from None


def _keep_permissions(temporary: str, target: str, old: os.stat_result) -> None:
    """Give a file the owner, the access control list and the mode of the one that it is to replace, as far as may be.

    It may have been somebody else's, and is ours then.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.chown(temporary, -1, old.st_gid)
        os.chown(temporary, old.st_uid, -1)
    with contextlib.suppress(OSError, AttributeError):
        for name in os.listxattr(target):
            with contextlib.suppress(OSError):
                os.setxattr(temporary, name, os.getxattr(target, name))
    os.chmod(temporary, stat.S_IMODE(old.st_mode))


class _Ended(BaseException):
    """A signal that ends the process has come; its number is the one argument."""


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """Within, signals that would end the process at once raise, and end it when what is within has cleaned up."""
    is_main = threading.current_thread() is threading.main_thread()
    ours = [number for number in ENDING if is_main and signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, frame: object) -> None:
        raise _Ended(number)

    try:
        for number in ours:
            signal.signal(number, end)
        yield
    except _Ended as ended:
        (number,) = ended.args
        if number not in ours:  # whoever is around it has more to clean up
            raise
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


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


def _is_stream(path: str, status: os.stat_result) -> bool:
    return stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode) or bool(OPEN_ALREADY.fullmatch(path))


def _open_already(path: str) -> str | int:
    """A copy of what the process has open under this name, at the place to which it has been written; else the name."""
    match = OPEN_ALREADY.fullmatch(path)
    if match is None:
        return path
    return os.dup({"stdout": 1, "stderr": 2}[match["name"]] if match["name"] else int(match["number"]))


def _there_already(path: str) -> Unwritable:
    return Unwritable(f"{path} already exists; --force overwrites it")


def _unwritable(path: str, error: OSError | ValueError) -> Unwritable:
    return Unwritable(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")
