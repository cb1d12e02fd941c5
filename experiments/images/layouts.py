"""A JPEG version of an original, as a set brings it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Version:
    """What a set's folders, lists and score files say of one compressed image.

    Attributes
    ----------
    path : Path
        JPEG file, or a file with the decoded pixels.
    original : str or None
        Name of the original; None where nothing in the set tells it.
    quality : int or None
        JPEG quality of the folder that it lies in.
    bits_per_pixel : float or None
        As a list, or the file's name, states it.
    is_lossless : bool or None
        Whether it is said to be a copy of the original; None where nothing says.
    score : float or None
        Mean opinion of people who looked at it; the set says on which scale.
    """

    path: Path
    original: str | None
    quality: int | None = None
    bits_per_pixel: float | None = None
    is_lossless: bool | None = None
    score: float | None = None
