"""One row per public initialiser; the tests walk every row."""

import jax

from fnnet import initializers

INITIALIZERS = {
    "constant": lambda: initializers.constant(0.5),
    "delta_orthogonal": lambda: initializers.delta_orthogonal(),
    "glorot_normal": lambda: initializers.glorot_normal(),
    "glorot_uniform": lambda: initializers.glorot_uniform(),
    "he_normal": lambda: initializers.he_normal(),
    "he_uniform": lambda: initializers.he_uniform(),
    "icnr": lambda: initializers.icnr(2),
    "lecun_normal": lambda: initializers.lecun_normal(),
    "lecun_uniform": lambda: initializers.lecun_uniform(),
    "normal": lambda: initializers.normal(0.5),
    "orthogonal": lambda: initializers.orthogonal(),
    "truncated_normal": lambda: initializers.truncated_normal(0.5),
    "uniform": lambda: initializers.uniform(-1, 2),
    "zeros": lambda: initializers.zeros(),
}


def key(seed=0):
    return jax.random.key(seed)
