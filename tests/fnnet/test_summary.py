"""The table of a model: every layer once, numbers by hand."""

import jax
import numpy as np

import fnnet as fn
from fnnet.summary import rows

RGB = (8, 8, 3)


def test_summary_counts_parameters_and_multiply_adds():
    model = fn.serial(
        encoder=fn.serial(fn.conv2d(4, 3, stride=2), fn.batch_norm()),
        decoder=fn.serial(fn.conv_transpose2d(3, 4), fn.flatten, fn.dense(5)),
    )
    lines = fn.summary(model, RGB).split("\n")
    assert lines[-1].split() == ["total", "1,280", "5,760", "2,068"]
    assert lines[2].split() == [
        "conv2d_0",
        "conv2d",
        "4",
        "x",
        "4",
        "x",
        "4",
        "112",
        "1,728",
        "256",
    ]
    params, _ = model.init(jax.random.key(0), RGB)
    assert fn.trees.size(params) == 1280


def test_a_layer_alone_is_its_own_row():
    (row,) = rows(fn.conv2d(4, 3), RGB)
    assert row == ("conv2d", "conv2d", (1, *RGB), (1, 8, 8, 4), 112, 8 * 8 * 108, 4 * 8 * 8 * 4)


def test_nested_layers_count_what_they_hold_and_nothing_twice():
    block = fn.shared(fn.dense(4))
    model = fn.serial(
        fn.dense(4),
        block,
        block,
        fn.repeat(fn.residual(fn.dense(4), fn.repeat(fn.prelu(), 2)), 3),
        fn.frozen(fn.dense(4)),
        fn.remat(fn.skip(fn.gdn())),
    )
    params, state = model.init(jax.random.key(0), (4,))
    found = rows(model, (4,))
    counted = sum(row.parameters for row in found)
    assert counted == fn.trees.size(params) + fn.trees.size(state)
    by_path = {}
    for row in found:
        by_path.setdefault(row.path, []).append(row)
    used = by_path["shared_0/dense_0"]
    assert [row.parameters for row in used] == [20, 0]
    assert [row.multiply_adds for row in used] == [16, 16]
    (inner,) = by_path["repeat_0/residual_0/dense_0"]
    assert (inner.parameters, inner.multiply_adds, inner.activation_bytes) == (60, 48, 48)
    (innermost,) = by_path["repeat_0/residual_0/repeat_0/prelu_0"]
    assert (innermost.parameters, innermost.activation_bytes) == (24, 96)
    (sum_of_both,) = by_path["repeat_0/residual_0"]
    assert sum_of_both.activation_bytes == 48
    (gdn,) = by_path["remat_0/skip_0/gdn_0"]
    assert (gdn.parameters, gdn.multiply_adds) == (20, 16)
    assert by_path["remat_0/skip_0"][0].out_shape == (1, 8)


def test_several_arrays_are_shown_side_by_side():
    model = fn.serial(both=fn.branch(fn.relu, fn.dense(2), merge="tuple"))
    line = fn.summary(model, (3,)).split("\n")[1]
    assert line.split() == ["both", "branch", "3,", "2"]


def test_depthwise_kernels_cost_one_channel_each():
    (row,) = rows(fn.depthwise_conv2d(3, multiplier=2), RGB)
    assert (row.parameters, row.multiply_adds) == (9 * 6 + 6, 64 * 9 * 6)


def test_a_model_that_merges_is_a_row_of_its_own():
    first, conv = rows(fn.skip(fn.conv2d(8, 3)), RGB)
    assert (first.path, first.out_shape, first.parameters) == ("skip", (1, 8, 8, 11), 0)
    assert first.activation_bytes == 4 * 8 * 8 * 11
    assert conv.parameters == 3 * 3 * 3 * 8 + 8


def test_a_layer_written_by_hand_counts_what_it_holds():
    inner = fn.dense(4)

    def apply(params, state, x, *, key=None, train=False):
        return inner.apply(params["inner"], {}, x)[0] * params["gain"], state

    def init(key, example):
        return {"inner": inner.init(key, example)[0], "gain": jax.numpy.ones(())}, {}

    own = fn.Layer("scaled", init, apply, children={"inner": inner})
    for model in (own, fn.serial(own, fn.relu)):
        assert sum(row.parameters for row in rows(model, (3,))) == 3 * 4 + 4 + 1


def test_sizes_may_be_numpy_s():
    shape = tuple(np.array(RGB))
    assert fn.summary(fn.serial(fn.conv2d(4, 3)), shape) == fn.summary(
        fn.serial(fn.conv2d(4, 3)), RGB
    )
