"""LIVE1: the names of its 29 images, and its split by scene."""

# sailing1 and sailing4 show one boat in one bay, sailing2 and sailing3 one regatta; ocean, the
# lighthouses, rapids and stream are near to these or to each other. All nine are trained on, so
# that no such pair is divided. The two sculptures are both in validation. The two small splits
# were chosen so that JPEG's own PSNR and SSIM on them come nearest the whole set's.
TEST = ("caps", "dancers", "manfishing", "woman")
VALIDATION = ("cemetry", "plane", "statue", "studentsculpture")
TRAIN = (
    *("bikes", "building2", "buildings", "carnivaldolls", "churchandcapitol", "coinsinfountain"),
    *("flowersonih35", "house", "lighthouse", "lighthouse2", "monarch", "ocean", "paintedhouse"),
    *("parrots", "rapids", "sailing1", "sailing2", "sailing3", "sailing4", "stream", "womanhat"),
)
SPLITS = (
    dict.fromkeys(TEST, "test")
    | dict.fromkeys(VALIDATION, "validation")
    | dict.fromkeys(TRAIN, "train")
)
LIVE1 = tuple(sorted(SPLITS))
# Two communities use two names for the same image.
ALIASES = {"lighthouse3": "lighthouse"}


def canonical_name(stem):
    """Return an image's name as LIVE's own release spells it; other names stay as they are."""
    lower = stem.lower()
    name = ALIASES.get(lower, lower)
    return name if name in SPLITS else stem
