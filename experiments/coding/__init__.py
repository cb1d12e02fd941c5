"""Coding latents: integer tables, the range coder, and the ``.fnn`` files that they make."""

from experiments.coding.container import PIXEL_LIMIT, Header
from experiments.coding.errors import FnnError
from experiments.coding.files import Encoded, Model, encode, read
from experiments.coding.frequencies import Tables, frequencies, make_tables
from experiments.coding.symbols import ideal_bits

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
