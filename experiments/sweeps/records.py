"""Records of runs: JSON lines, one a run, with everything needed to repeat it.

A record is a dict; what it must hold is `FIELDS`, and of each measured image `IMAGE`. Nested
names are joined by a dot. Rates are those of whole files, qualities those of images decoded from
them. None stands for what there is no value of.
"""

import hashlib
import json
import os
from collections.abc import Mapping

from experiments.system.errors import RunError
from experiments.system.locks import exclusive
from experiments.system.storage import read_metrics

FORMAT = 1
KINDS = ("ablation", "rung")
STATUSES = ("finished", "diverged")

_NUMBER = (int, float)
FIELDS: Mapping[str, tuple] = {
    "format": (int,),
    "kind": (str,),  # "ablation", or "rung" of the ladder
    "identity": (str,),  # digest of `trial`: two records of one trial have the same
    "status": (str,),  # "diverged": training was given up, or ended with values that are not finite
    "trial": (dict,),  # what is needed to repeat the run
    "trial.axis": (str,),  # what is varied: "activation"; of a rung, its name
    "trial.value": (str,),  # "relu", "0.5": as people write it
    "trial.baseline": (bool,),  # whether it is the axis's own default
    "trial.seed": (int,),
    "trial.task": (str,),  # autoencode, emulate or restore
    "trial.budget": (str,),  # tiny, small or full
    "trial.model": (dict,),  # as models.to_json has it
    "trial.options": (dict,),  # loss, optimizer, learning_rate, clip, schedule, steps, batch, ...
    "trial.data": (dict,),  # train, test: names of sets; images: how many are trained on
    "environment": (dict,),
    "pictures": (str,),  # digest over the hashes of all images, so that two records compare
    "parameters": (int,),
    "multiply_adds_per_pixel": _NUMBER,
    "latents_per_pixel": (*_NUMBER, type(None)),
    "steps": (int,),  # done
    # Of training, compilation left out; None if it went on from one kind of machine to another.
    "seconds": (*_NUMBER, type(None)),
    "encode_seconds_per_megapixel": (*_NUMBER, type(None)),
    "decode_seconds_per_megapixel": (*_NUMBER, type(None)),
    "held_out": (list,),  # of IMAGE; empty if diverged
    "trained_on": (list,),  # the same of training images
    "steps_to": (dict,),  # "22": the first measured step with that PSNR of held-out crops, in dB
    "stability.spikes": (int,),  # steps whose loss was over twice its running median
    "stability.largest_loss_ratio": (*_NUMBER, type(None)),
    "stability.skipped_steps": (int,),  # not finite
    "stability.gradient_norm_median": (*_NUMBER, type(None)),
    "stability.gradient_norm_highest": (*_NUMBER, type(None)),
    "curve": (list,),  # of {step, loss, psnr, held_out_psnr, gradient_norm, learning_rate, seconds}
}
IMAGE: Mapping[str, tuple] = {
    "name": (str,),
    "pixels": (int,),
    "rate": (int, type(None)),  # which of the model's rates, from 0; None without coded latents
    "file_bytes": (int, type(None)),
    "ideal_bytes": (*_NUMBER, type(None)),  # by the tables alone
    "psnr": _NUMBER,  # of the network's image against the task's target, in dB
    "ssim": (*_NUMBER, type(None)),
    "jpeg_psnr": _NUMBER,  # of JPEG of at most as many bytes; of emulate and restore, of their JPEG
    "jpeg_ssim": (*_NUMBER, type(None)),
    "jpeg_bytes": (int, type(None)),
}


def identity(trial):
    """Compute the digest of a trial: 16 hexadecimal digits."""
    text = json.dumps(trial, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fault(record):
    """Say what is wrong with a record; None if nothing is."""
    found = record.get("format") if isinstance(record, dict) else None
    if found != FORMAT:
        return f"is of format {found!r}, not {FORMAT}"
    for name, kinds in FIELDS.items():
        problem = _wrong(record, name, kinds)
        if problem:
            return problem
    if record["kind"] not in KINDS or record["status"] not in STATUSES:
        return f"is of kind {record['kind']!r} and status {record['status']!r}"
    for image in (*record["held_out"], *record["trained_on"]):
        for name, kinds in IMAGE.items():
            problem = _wrong(image, name, kinds)
            if problem:
                return f"an image {problem}"
    return None


def _wrong(value, name, kinds):
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return f"has no {name!r}"
        value = value[part]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"has {value!r} as its {name!r}"
    return None


def read(path):
    """Read a file of records, each trial once, the first that is met.

    Returns
    -------
    records : list of dict
    faults : list of str
        One sentence for each record that is left out, and why.

    Raises
    ------
    RunError
        If the file does not exist or is no JSON lines.
    """
    records, faults = {}, []
    for number, record in enumerate(read_metrics(path), 1):
        problem = fault(record)
        if problem:
            faults.append(f"{path}, line {number}: {problem}")
        else:
            records.setdefault(record["identity"], record)
    return list(records.values()), faults


def append(path, record):
    """Add one record to a file; it has reached the disk on return.

    Several processes may add to one file. A line that a crash left torn is taken away.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    line = json.dumps(record).encode() + b"\n"
    try:
        with open(path, "ab+") as file, exclusive(file):
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunError(f"{path}: could not be written: {error.strerror or error}") from error
