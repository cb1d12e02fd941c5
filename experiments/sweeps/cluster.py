"""Trials as tasks of a Ray cluster, each on one core; only this process writes records."""

import contextlib
import importlib.util
import os
import socket

from experiments.sweeps.running import run_trial
from experiments.system.errors import RunError

_RETRIES = 3  # of a task whose worker was killed


def require_ray():
    """Raise unless Ray is installed."""
    if importlib.util.find_spec("ray") is None:
        raise RunError(
            "--executor ray: Ray is not installed; pip install 'fnnet[cluster]' brings it"
        )


@contextlib.contextmanager
def on_ray(address=None, *, run=run_trial):
    """Connect to a cluster; an `address` of None starts one here, with all cores of this machine.

    Enter this before JAX has started threads, since Ray forks. Yields ``(trials, material) ->
    iterator of (trial, record)``, each when its run ends; the images are sent to each machine once.
    Raises a RunError if Ray is not installed, no cluster answers, or a task's worker is lost more
    than three times.
    """
    require_ray()
    ray = _connected(address)
    try:
        yield lambda trials, material: _as_tasks(ray, trials, material, run)
    finally:
        ray.shutdown()


def _as_tasks(ray, trials, material, run):
    def run_on_one_core(trial, material):
        # Has an effect when JAX starts, which is in the first task of a worker.
        os.environ.setdefault("NPROC", "1")
        return run(trial, material)

    sent = ray.put(material)
    task = ray.remote(num_cpus=1, max_retries=_RETRIES)(run_on_one_core)
    waiting = {task.remote(trial, sent): trial for trial in trials}
    while waiting:
        (ended, *_), _ = ray.wait(list(waiting))
        trial = waiting.pop(ended)
        try:
            record = ray.get(ended)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.WorkerCrashedError as error:
            raise RunError(
                f"{trial.axis}={trial.value} seed {trial.seed}: its worker was lost "
                f"{_RETRIES + 1} times; is there enough memory?"
            ) from error
        yield trial, record


def _connected(address):
    if address and address != "auto":
        _require_answer(address)
    # No usage reports: no data leaves the user's machines.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    here = {} if address else {"include_dashboard": False}
    try:
        ray.init(address=address or "local", **quiet, **here)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        cause = str(error).strip().split("\n")[0]
        where = f"--address {address}" if address else "--executor ray"
        raise RunError(f"{where}: no Ray cluster: {cause}") from error
    return ray


def _require_answer(address):
    """Raise unless the address accepts connections: Ray would try for two minutes."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if not host or not port.isdigit():
        raise RunError(f"--address {address}: must be auto, host:port or ray://host:port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise RunError(f"--address {address}: nobody answers there") from error
