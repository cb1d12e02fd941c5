"""Every form of convolution agrees with JAX's own, in value and under every transformation."""

import os
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import onednn
import pytest
from jax import lax

from fnnet import ops
from fnnet.ops import conv_lowering, conv_primitives

SAME = ((1, 1), (1, 1))
UNOPTIMISED = {"xla_backend_optimization_level": 0}  # half the compile time
# Images' shape, kernel's shape, strides, padding, groups, and dilation where there is one: a row
# for every choice.
CASES = {
    "square": ((2, 9, 8, 16), (3, 3, 16, 16), (1, 1), SAME, 1),
    "thin out": ((2, 9, 8, 16), (3, 3, 16, 3), (1, 1), SAME, 1),
    "thin in": ((2, 9, 8, 3), (3, 3, 3, 16), (1, 1), SAME, 1),
    "product": ((2, 5, 4, 8), (1, 1, 8, 6), (1, 1), ((0, 0), (0, 0)), 1),
    "1x1 padded": ((2, 5, 4, 8), (1, 1, 8, 6), (1, 1), SAME, 1),
    "even kernel": ((2, 7, 6, 8), (4, 2, 8, 8), (1, 1), ((1, 2), (0, 1)), 1),
    "cropped": ((2, 9, 9, 8), (3, 3, 8, 8), (1, 1), ((-1, 2), (0, -2)), 1),
    "strided": ((2, 9, 8, 8), (3, 3, 8, 16), (2, 2), ((0, 1), (0, 1)), 1),
    "phases": ((2, 9, 8, 8), (4, 5, 8, 16), (2, 3), ((1, 1), (2, 1)), 1),
    "pixels left over": ((2, 10, 9, 4), (4, 4, 4, 5), (3, 3), ((0, 0), (0, 0)), 1),
    "stride above kernel": ((2, 9, 8, 4), (2, 2, 4, 4), (3, 3), ((0, 0), (0, 0)), 1),
    "depthwise": ((2, 8, 9, 6), (3, 3, 1, 6), (1, 1), SAME, 6),
    "depthwise, several each": ((2, 7, 9, 3), (3, 2, 1, 6), (2, 1), ((1, 1), (0, 1)), 3),
    "dilated": ((2, 9, 8, 6), (3, 2, 3, 4), (1, 2), SAME, 2, (2, 3)),
    "few channels a group": ((2, 6, 7, 8), (3, 3, 2, 4), (1, 1), SAME, 4),
    "many channels a group": ((2, 6, 7, 32), (3, 3, 16, 8), (2, 1), SAME, 2),
}
QUICK = {"square", "product", "phases", "depthwise, several each", "dilated"}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
# For what costs most.
every_case_most_slow = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[] if name in QUICK else [pytest.mark.slow], id=name)
        for name, case in CASES.items()
    ],
)


def drawn(shape, seed, dtype=np.float64):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def arguments(case, dtype=np.float64):
    """Images, kernel, something of the output's shape, and the settings of all three forms."""
    shape, kernel_shape, strides, padding, groups, *dilation = case
    x, kernel = drawn(shape, 0, dtype), drawn(kernel_shape, 1, dtype)
    settings = {"strides": strides, "padding": padding, "groups": groups}
    settings["dilation"] = dilation[0] if dilation else (1, 1)
    shape = jax.eval_shape(partial(conv_lowering.convolve, **settings), x, kernel).shape
    y = drawn(shape, 2, dtype)
    return x, kernel, y, settings


def forms(case, dtype):
    """What is computed of what: each form with its arguments and settings."""
    x, kernel, y, settings = arguments(case, dtype)
    return [
        (conv_lowering.CONVOLVE, (x, kernel), settings),
        (conv_lowering.INPUT_GRADIENT, (y, kernel), settings | {"shape": x.shape[1:3]}),
        (conv_lowering.KERNEL_GRADIENT, (x, y), settings | {"size": kernel.shape[:2]}),
    ]


def results(forms, way, **options):
    """Run forms as `way` names it, "plain" or "on_cpu", in one program."""

    def run(operands):
        return {
            form.name: getattr(form, way)(*operands[form.name], **settings)
            for form, _, settings in forms
        }

    computed = jax.jit(run, **options)({form.name: operands for form, operands, _ in forms})
    return jax.tree.map(np.asarray, computed)


def in_tiles(monkeypatch):
    monkeypatch.setattr(conv_lowering, "MOST_BYTES", 0)
    monkeypatch.setattr(conv_lowering, "TILE_BYTES", 2000)


@pytest.mark.parametrize("tiled", [False, True])
@every_case
def test_forms_for_a_cpu_agree_with_jax_s_own_to_the_last_digits(case, tiled, monkeypatch):
    if tiled:
        in_tiles(monkeypatch)
    with jax.enable_x64(True):
        drawn_forms = forms(case, np.float64)
        plain, on_cpu = (results(drawn_forms, way) for way in ("plain", "on_cpu"))
        for name, expected in plain.items():
            assert on_cpu[name].shape == expected.shape
            np.testing.assert_allclose(on_cpu[name], expected, 1e-12, 1e-12, err_msg=name)


# What float32 allows, in units of the largest value, as float64 has it.
TOLERANCES = {"float32": 2e-6, "bfloat16": 0.02}


@pytest.mark.parametrize("dtype", TOLERANCES)
@every_case
def test_narrow_forms_come_near_to_float64(case, dtype, monkeypatch):
    monkeypatch.setattr(conv_lowering, "has_onednn", lambda: True)  # so that its form is among them
    in_tiles(monkeypatch)
    narrow = forms(case, jnp.dtype(dtype))
    on_cpu = results(narrow, "on_cpu", compiler_options=onednn.USED)
    with jax.enable_x64(True):
        wide = [
            (form, [np.asarray(operand, np.float64) for operand in operands], settings)
            for form, operands, settings in narrow
        ]
        plain = results(wide, "plain")
    for name, expected in plain.items():
        assert on_cpu[name].dtype == dtype
        error = np.abs(np.asarray(on_cpu[name], np.float64) - expected).max()
        assert error <= TOLERANCES[dtype] * np.abs(expected).max(), name


def test_narrow_tiles_are_added_in_float32(monkeypatch):
    monkeypatch.setattr(conv_lowering, "MOST_BYTES", 0)
    monkeypatch.setattr(conv_lowering, "TILE_BYTES", 1)  # a row a tile
    x = jnp.ones((1, 9, 1, 1), jnp.bfloat16)
    y = x.at[0, 0].set(256)  # in bfloat16, 256 + 1 is 256
    settings = {"strides": (1, 1), "padding": SAME, "size": (3, 3)}
    assert conv_lowering.kernel_gradient_on_cpu(x, y, **settings)[1, 1, 0, 0] == 264


def transformed(convolve, x, kernel, y):
    """Everything that JAX can make of a convolution, as a dict of functions without arguments."""
    several = jnp.stack([kernel, 2 * kernel, kernel + 1])
    images = jnp.stack([x, x + 1])

    def value(x, kernel):
        return (convolve(x, kernel) * y).sum() + (convolve(x, kernel) ** 2).sum()

    def toward(f):
        return jax.jvp(f, (x, kernel), (x + 1, kernel - 1))

    both = jax.grad(value, (0, 1))
    return {
        "value": lambda: convolve(x, kernel),
        "gradient": lambda: both(x, kernel),
        "compiled gradient": lambda: jax.jit(both)(x, kernel),
        "jvp": lambda: toward(convolve),
        "jvp of gradient": lambda: toward(both),
        "gradient of gradient": lambda: jax.grad(
            lambda x, kernel: sum((part**2).sum() for part in both(x, kernel)), (0, 1)
        )(x, kernel),
        "vmap over images": lambda: jax.vmap(convolve, (0, None))(images, kernel),
        "vmap over kernels": lambda: jax.vmap(convolve, (None, 0))(x, several),
        "vmap over both": lambda: jax.vmap(convolve)(images, several[:2]),
        "vmap of gradient": lambda: jax.vmap(both, (None, 0))(x, several),
        "vmap of gradient in images": lambda: jax.vmap(both, (0, None))(images, kernel),
        "vmap of gradient in both": lambda: jax.vmap(both)(images, several[:2]),
        "vmap of jvp of gradient": lambda: jax.vmap(
            lambda kernel: jax.jvp(lambda x: both(x, kernel), (x,), (x + 1,))
        )(several),
        "linearize": lambda: jax.linearize(value, x, kernel)[1](x + 1, kernel - 1),
        "remat": lambda: jax.grad(jax.checkpoint(value), (0, 1))(x, kernel),
        "last axis mapped": lambda: jax.vmap(convolve, (None, -1))(x, jnp.moveaxis(several, 0, -1)),
    }


def agree(ours, theirs, x, kernel, y):
    """Compare two functions under every transformation, each compiled into one program."""

    @partial(jax.jit, static_argnums=0, compiler_options=UNOPTIMISED)
    def everything(convolve, *arrays):
        return {name: made() for name, made in transformed(convolve, *arrays).items()}

    found, expected = (everything(function, x, kernel, y) for function in (ours, theirs))
    for name in expected:
        pairs = zip(jax.tree.leaves(found[name]), jax.tree.leaves(expected[name]), strict=True)
        for a, b in pairs:
            np.testing.assert_allclose(a, b, 1e-9, 1e-9 * np.abs(b).max(), err_msg=name)


@every_case_most_slow
def test_no_transformation_is_lost(case):
    with jax.enable_x64(True):
        x, kernel, y, settings = arguments(case)

        def theirs(x, kernel):
            return lax.conv_general_dilated(
                x,
                kernel,
                settings["strides"],
                settings["padding"],
                rhs_dilation=settings["dilation"],
                dimension_numbers=conv_lowering.LAYOUT,
                feature_group_count=settings["groups"],
            )

        def ours(x, kernel):
            return conv_primitives.convolve(x, kernel, **settings)

        agree(ours, theirs, x, kernel, y)


def convolve(x, kernel):
    return conv_primitives.convolve(x, kernel, strides=(1, 1), padding=SAME)


def test_many_kernels_with_as_many_images_agree_too():
    count = conv_primitives.UNROLLED + 1
    with jax.enable_x64(True):
        x, kernels = drawn((count, 1, 4, 4, 2), 0), drawn((count, 3, 3, 2, 3), 1)

        found = jax.vmap(convolve)(x, kernels)
        expected = jnp.stack([convolve(*pair) for pair in zip(x, kernels, strict=True)])
        np.testing.assert_allclose(found, expected, 1e-12, 1e-12)


def test_an_input_gradient_is_a_function_of_its_own_that_can_be_mapped_and_derived():
    with jax.enable_x64(True):
        x, kernel, y, settings = arguments(CASES["phases"])
        settings = {name: settings[name] for name in ("strides", "padding")}
        settings |= {"shape": x.shape[1:3]}

        def ours(y, kernel):
            return conv_primitives.input_gradient(y, kernel, **settings)

        def theirs(y, kernel):
            return conv_lowering.input_gradient(y, kernel, **settings)

        agree(ours, theirs, y, kernel, x)


def test_a_kernel_with_too_many_taps_or_groups_for_one_by_one_is_jax_s_own(monkeypatch):
    monkeypatch.setattr(conv_lowering, "MOST_TERMS", 1)
    with jax.enable_x64(True):
        for name in ("depthwise", "few channels a group"):
            for form, operands, settings in forms(CASES[name], np.float64):
                found = form.on_cpu(*operands, **settings)
                np.testing.assert_array_equal(found, form.plain(*operands, **settings))


def test_layers_run_where_jit_is_off_and_where_nothing_is_mapped():
    x, kernel = drawn((1, 4, 4, 2), 0, np.float32), drawn((3, 3, 2, 3), 1, np.float32)

    with jax.disable_jit():
        off = convolve(x, kernel)
    np.testing.assert_allclose(off, convolve(x, kernel), 1e-5, 1e-5)
    assert jax.vmap(convolve, (None, 0))(x, kernel[None][:0]).shape == (0, 1, 4, 4, 3)


def test_products_of_mapped_matrices_are_one_product():
    x, kernels = drawn((3, 5, 4), 0, np.float32), drawn((3, 4, 2), 1, np.float32)
    program = str(jax.make_jaxpr(jax.vmap(ops.dense))(x, kernels))
    assert program.count("dot_general") == 1
    np.testing.assert_allclose(jax.vmap(ops.dense)(x, kernels), x @ kernels, 1e-5, 1e-5)


def test_the_context_s_precision_is_that_of_the_product():
    x, kernel = jnp.ones((2, 3)), jnp.ones((3, 2))
    with jax.default_matmul_precision("highest"):
        assert "precision=highest" in str(jax.make_jaxpr(ops.dense)(x, kernel))


def test_in_a_shard_map_the_kernel_s_gradient_is_summed_over_the_shards():
    code = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import PartitionSpec as P
from fnnet import ops
mesh = jax.sharding.Mesh(np.array(jax.devices()), ("i",))
draw = np.random.default_rng(0).normal
x, k = jnp.asarray(draw(size=(4, 6, 6, 3)), "f"), jnp.asarray(draw(size=(3, 3, 3, 8)), "f")
total = lambda x, k: (ops.conv2d(x, k) ** 2).sum()
shared = jax.shard_map(
    lambda x, k: jax.lax.psum(total(x, k), "i"), mesh=mesh, in_specs=(P("i"), P()), out_specs=P()
)
for a, b in zip(jax.grad(shared, (0, 1))(x, k), jax.grad(total, (0, 1))(x, k), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)
"""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    env = os.environ | {"XLA_FLAGS": flags.strip()}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
