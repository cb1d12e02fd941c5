"""Weights that come with the project, each in a run's folder; README.md describes them."""

import hashlib
from pathlib import Path

from experiments.runs.saving import WEIGHTS
from experiments.system.errors import RunError

FOLDER = Path(__file__).parents[1] / "weights"
# SHA-256 of each file of weights, which is looked at before it is read.
DIGESTS = {
    "pyramid": "c3f7a717efc8fc121ec29b840cba3af86404c399a637a563edc3cae72f0598fe",
}


def released(run):
    """Give the folder that a command's RUN means: one that is there, or released weights' name.

    Raises
    ------
    RunError
        If it is neither, or the released file is not the one that was released.
    """
    run = Path(run)
    if run.exists():
        return run
    if str(run) not in DIGESTS:
        raise RunError(f"{run}: no such folder; released weights: {', '.join(DIGESTS)}")
    path = FOLDER / run / WEIGHTS
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{path}: could not be read: {error.strerror}") from error
    if found != DIGESTS[str(run)]:
        raise RunError(f"{path}: is not the file that was released; install fnnet anew")
    return path.parent
