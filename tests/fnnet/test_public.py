"""Every public name is listed, proven and explained; a new one that is not fails here."""

import ast
import inspect
import re
import textwrap

import contracts
import pytest
from public_names import public_names

import fnnet as fn
from fnnet import combinators

MODULES = {
    "fn": fn,
    **{name: getattr(fn, name) for name in ("checkpoint", "checkpoint_series", "files")},
    **{name: getattr(fn, name) for name in ("initializers", "losses", "metrics")},
    **{name: getattr(fn, name) for name in ("ops", "optim", "schedules", "train", "trees")},
}
NAMES = [(module, name) for module in MODULES for name in public_names(MODULES[module])]
FUNCTIONS = [pair for pair in NAMES if inspect.isfunction(getattr(MODULES[pair[0]], pair[1]))]
every_function = pytest.mark.parametrize(("module", "name"), FUNCTIONS)

# What is nobody's invention, or the field's before anyone wrote it down.
NO_SOURCE = {
    *(
        "checkpoint",
        "checkpoint_series",
        "files",
        "trees",
        "train",
        "load",
        "save",
        "summary",
        "serial",
        "repeat",
        "stateless",
    ),
    *("frozen", "shared", "branch", "flatten", "reshape"),
    *("avg_pool", "conv2d", "conv_transpose2d", "dense", "identity", "max_pool", "resize"),
    *("sigmoid", "space_to_depth", "tanh"),
    *("constant", "normal", "truncated_normal", "uniform", "zeros"),
    *("binary_cross_entropy", "mae", "mse", "softmax_cross_entropy"),
    *("bits_per_pixel", "psnr", "to_8_bit", "ssim_uniform7", "ssim_box8"),
    *("ycbcr_studio_to_rgb", "ycbcr_to_rgb", "rgb_to_ycbcr_studio"),
    *("accumulate", "apply_updates", "chain", "clip", "partition", "scale_by_schedule"),
    *("exponential", "join", "linear", "piecewise", "polynomial", "reduce_on_plateau"),
    *("skip_not_finite", "constant"),
}


# Explained once for a whole module, or by their name.
CONVENTIONAL = {
    *("x", "key", "unnamed", "named", "links", "params", "tree", "trees", "config"),
    *("prediction", "target", "original", "other", "learning_rate", "optimizer", "schedules"),
    *("if_true", "if_false", "train_state", "path", "data"),
}

# Its output is float32 whatever comes in, against what every row promises: test_precision has it.
NOT_A_ROW = {"in_precision"}


def of(module, name):
    return getattr(MODULES[module], name)


def test_the_lists_are_sorted_and_name_what_is_there():
    for module in MODULES.values():
        names = public_names(module)
        assert list(names) == sorted(set(names))
        for name in names:
            assert hasattr(module, name), name


def test_every_public_function_of_a_module_is_in_its_list():
    for name, module in (*MODULES.items(), ("fn", combinators)):
        for attribute, value in vars(module).items():
            own = getattr(value, "__module__", "") == module.__name__
            if inspect.isfunction(value) and own and not attribute.startswith("_"):
                listed = attribute in public_names(MODULES[name])
                assert listed or attribute == "as_schedule", (name, attribute)


def test_every_public_layer_and_array_function_has_a_row():
    """Of initialisers, losses, metrics, optimisers and schedules their own tests hold the same."""
    layers = {row.name for row in contracts.LAYERS} | {row.make().kind for row in contracts.LAYERS}
    is_layer = [
        name
        for name in public_names(fn)
        if isinstance(getattr(fn, name), fn.Layer)
        or getattr(getattr(fn, name), "__module__", "").startswith(
            ("fnnet.layers", "fnnet.combinators")
        )
    ]
    assert set(is_layer) - NOT_A_ROW <= layers, set(is_layer) - layers
    functions = set(public_names(fn.ops))
    assert functions <= layers, functions - layers


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_public_name_is_explained(module, name):
    text = inspect.getdoc(of(module, name)) or ""
    assert len(text) > 10, name
    # A layer that is a value, such as fn.relu, tells what it does, not what a Layer is.
    assert name == "Layer" or text != inspect.getdoc(fn.Layer), name


@every_function
def test_every_parameter_is_explained(module, name):
    text = inspect.getdoc(of(module, name))
    for parameter in inspect.signature(of(module, name)).parameters:
        assert re.search(rf"\b{parameter}\b", text) or parameter in CONVENTIONAL, parameter


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, n in FUNCTIONS if m in ("fn", "ops", "losses")]
)
def test_every_function_of_images_tells_its_shapes(module, name):
    if module == "fn" and name in ("load", "save", "summary"):
        return
    text = inspect.getdoc(of(module, name))
    assert re.search(r"->|[Aa]ny shape|Returns\n-+\narray \(", text), name


@every_function
def test_every_method_has_its_source(module, name):
    if {module, name} & NO_SOURCE and f"fnnet.ops.{name}" not in inspect.getdoc(of(module, name)):
        return
    text = inspect.getdoc(of(module, name))
    source = r"(19|20)\d\d|arXiv|doi:|`fnnet\.|ITU-|of `|`(adam|cosine|ssim)`"
    assert re.search(source, text), name


@every_function
def test_every_refusal_is_announced(module, name):
    """A function that refuses says so, or gives the range of what it takes."""
    function = of(module, name)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = {getattr(n.func, "id", "") for n in ast.walk(tree) if isinstance(n, ast.Call)}
    everywhere = {"require_floating", "require_images"}  # what every array function refuses
    if not any(call.lstrip("_").startswith("require") for call in calls - everywhere):
        return
    if module == "schedules":
        text = inspect.getdoc(MODULES[module]) + inspect.getdoc(function)
    else:
        text = inspect.getdoc(function)
    said = r"Error|at least|above|below|in \[|between|whole|divide|must|must be|fewer"
    assert re.search(said, text), name
