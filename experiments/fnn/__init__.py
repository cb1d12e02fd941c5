"""The ``.fnn`` file format: integer frequency tables, the range coder, coded latents."""

from experiments.fnn.container import PIXEL_LIMIT, Header
from experiments.fnn.errors import FnnError
from experiments.fnn.files import Encoded, Model, encode, read
from experiments.fnn.frequencies import Tables, frequencies, make_tables
from experiments.fnn.symbols import ideal_bits

__all__ = [
    "PIXEL_LIMIT",
    "Encoded",
    "FnnError",
    "Header",
    "Model",
    "Tables",
    "encode",
    "frequencies",
    "ideal_bits",
    "make_tables",
    "read",
]
