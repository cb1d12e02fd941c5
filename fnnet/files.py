"""Files that are written whole or not at all."""

import contextlib
import os
import warnings
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path, data):
    """Write bytes to `path` so that a crash or a full disk leaves the old file or the new one.

    The bytes are written to ``<name>.tmp`` beside it, flushed to the disk, and renamed. There must
    be one writer to a path at a time.

    Parameters
    ----------
    path : str or Path
    data : bytes

    Raises
    ------
    OSError
        If writing fails; the file at `path` is then unchanged and no ``.tmp`` is left.
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    try:
        # Deleted, not written over: a left-over could be a link to somewhere else.
        temporary.unlink(missing_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # an interrupt from the keyboard too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path)


def _sync_folder(path):
    """Flush the folder, so that renaming survives a power cut where the file system allows it."""
    if os.name == "nt":
        return
    try:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        # Not an error: the file is written and in place, and some file systems cannot do more.
        reason = f"{path}: written, but may not survive a power cut: {error.strerror or error}"
        warnings.warn(reason, stacklevel=3)
