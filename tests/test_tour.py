"""The tour notebook: every cell runs, and says what it said when it was written."""

import json
import re
from pathlib import Path

import matplotlib
import pytest

NOTEBOOK = Path(__file__).parents[1] / "experiments" / "tour.ipynb"


def printed(cell):
    return "".join(
        "".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream"
    )


@pytest.mark.slow
def test_every_cell_of_the_tour_runs_and_prints_what_it_shows(capsys, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 10
    names = {}
    for cell in code:
        exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), names)
        words = re.sub(r"-?\d+\.\d+", "#", capsys.readouterr().out).split()
        assert words == re.sub(r"-?\d+\.\d+", "#", printed(cell)).split()
    psnrs = {latents: values.mean() for latents, values in names["results"].items()}
    assert psnrs[1] + 2 < psnrs[4] < psnrs[16]
    assert names["psnr"] > 26


def test_the_tour_shows_the_output_of_every_cell_in_order():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
    images = [o for c in cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(images) == 2
