"""Sources of a report: records, curves of other codecs, and the faults of what is left out."""

from dataclasses import dataclass
from pathlib import Path

from experiments.codecs.rate_distortion import RatePoint
from experiments.evaluation.baselines import codec_points, read_rows
from experiments.sweeps import records
from experiments.system.errors import RunError

PACKAGED = Path(__file__).parent.parent / "records"
# By the names that fit beside a curve on a phone.
PUBLISHED = {
    "bmshj2018-factorized": "factorized 2018",
    "bmshj2018-hyperprior": "hyperprior 2018",
    "mbt2018": "mbt 2018",
    "cheng2020-anchor": "cheng 2020",
}
KODAK_IMAGES = 24


@dataclass(frozen=True, kw_only=True)
class AnchorRow:
    """A row of points.tsv: a classical codec at one quality, means over `pictures` images."""

    codec: str
    quality: float | None
    pictures: float
    bpp: float
    psnr_rgb: float


def gather(paths):
    """Read all records that can be read.

    Returns
    -------
    records : list of Record
        Each trial once.
    faults : list of str
        One sentence for each path, file or record that is left out.

    Raises
    ------
    RunError
        If no record is left, with the first reason.
    """
    found, faults = {}, []
    for path in paths:
        for file in _files(Path(path), faults):
            try:
                good, wrong = records.read(file)
            except RunError as error:
                faults.append(str(error))
                continue
            if not good and not wrong:
                faults.append(f"{file}: holds no records")
            faults += wrong
            for record in good:
                found.setdefault(record.identity, record)
    if not found:
        more = f" (and {len(faults) - 1} more of these)" if len(faults) > 1 else ""
        raise RunError(f"there is no record to show: {faults[0]}{more}")
    return list(found.values()), faults


def _files(path, faults):
    if not path.exists():
        faults.append(f"{path}: does not exist")
        return []
    if not path.is_dir():
        return [path]
    files = sorted(path.rglob("*.jsonl"))
    if not files:
        faults.append(f"{path}: holds no records (files that end in .jsonl)")
    return files


def folders(paths):
    """List the folders among `paths`, and those that the files among them lie in."""
    found = [path if path.is_dir() else path.parent for path in map(Path, paths) if path.exists()]
    return list(dict.fromkeys(found))


def anchors(test, places):
    """Read the classical codecs' points on a test set.

    The first of `places` with ``anchors/<test>/points.tsv`` is taken, else the package's own.

    Returns
    -------
    dict of str to list of RatePoint
        By codec, by rising rate; empty if the set was not measured.
    """
    names = [folder / "anchors" / Path(test).name / "points.tsv" for folder in (*places, PACKAGED)]
    path = next((name for name in names if name.is_file()), None)
    curves = {}
    for row in read_rows(path, AnchorRow) if path else []:
        curves.setdefault(row.codec, []).append(_rate_point(row, int(row.pictures)))
    return {
        codec: sorted(points, key=lambda point: point.bits_per_pixel)
        for codec, points in curves.items()
    }


def published(test):
    """Read the published learned codecs' points, which there are on Kodak only: as `anchors`."""
    if Path(test).name.lower() != "kodak":
        return {}
    curves = {}
    for row in codec_points():
        if row.codec in PUBLISHED:
            curves.setdefault(PUBLISHED[row.codec], []).append(_rate_point(row, KODAK_IMAGES))
    return curves


def _rate_point(row, images):
    return RatePoint(row.codec, row.quality, row.bpp, row.psnr_rgb, None, None, images)
