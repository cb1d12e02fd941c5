"""Weights that come with the project, each a run's folder of its own."""

from pathlib import Path

_FOLDER = Path(__file__).parent


def released(run):
    """Give the folder that a command's RUN means: one that is there, or released weights' name."""
    inside = _FOLDER / run
    is_name = len(Path(run).parts) == 1 and not Path(run).exists()
    return inside if is_name and (inside / "config.json").exists() else Path(run)
