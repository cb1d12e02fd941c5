"""Released weights, each in the folder of a run below `experiments/weights`."""

import hashlib
from pathlib import Path

from experiments.runs.saving import WEIGHTS
from experiments.system.errors import RunError

FOLDER = Path(__file__).parents[1] / "weights"
# SHA-256 of each file of weights, checked before it is read.
DIGESTS = {"pyramid": "c3f7a717efc8fc121ec29b840cba3af86404c399a637a563edc3cae72f0598fe"}


def folder_of(run):
    """Return the folder that RUN names: an existing one, or that of sound released weights."""
    run = Path(run)
    if run.exists():
        return run
    if str(run) not in DIGESTS:
        raise RunError(f"{run}: no such folder; released weights: {', '.join(DIGESTS)}")
    path = FOLDER / run / WEIGHTS
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{path}: could not be read: {error.strerror}") from error
    if digest != DIGESTS[str(run)]:
        raise RunError(f"{path}: is not the file that was released; install fnnet anew")
    return path.parent
