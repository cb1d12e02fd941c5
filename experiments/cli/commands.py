"""Commands built from config dataclasses: options, help, and errors as one sentence."""

import contextlib
import difflib
import io
import sys
import warnings
from dataclasses import fields, is_dataclass
from typing import Annotated, get_args, get_origin

import tyro

from experiments.system import compilation_cache
from experiments.system.errors import LISTED, RunError, UserError
from fnnet.checkpoint import CheckpointError
from fnnet.core import LayerError
from fnnet.train import NotFiniteError

# Errors that a user can cause. Any other is a bug and prints its traceback.
EXPECTED = (UserError, LayerError, CheckpointError, NotFiniteError)


class Interrupted(Exception):
    """An interrupt by the user; the message states how to resume the command."""


def run_command(main, config_type, *, prog, merge=None):
    """Parse the command line into `config_type` and call `main` with it.

    Errors that a user can cause become one line on standard error and exit status 2.

    Parameters
    ----------
    main : callable
        ``config -> anything``
    config_type : dataclass
        Its fields are the options, their docstrings the help.
    prog : str
        The command's name in its help.
    merge : callable, optional
        ``config -> config`` with the defaults of a second parse, for options that name a file of
        options.
    """
    warnings.showwarning = _show_warning
    args = sys.argv[1:]
    try:
        check_options(args, config_type)
        config = _parse(config_type, prog, args)
        if merge is not None:
            config = _parse(config_type, prog, args, default=merge(config))
        compilation_cache.enable()
        main(config)
    except EXPECTED as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except (Interrupted, KeyboardInterrupt) as stop:
        print(str(stop) or "stopped", file=sys.stderr)
        sys.exit(130)


def check_options(args, config_type):
    """Raise a RunError, with the nearest option, if an argument is an option that does not exist.

    The parser would take a misspelt one behind a list of paths for another path.
    """
    names = [f"--{name.replace('_', '-')}" for name in option_names(config_type)]
    switches = [f"--no-{name[2:]}" for name in names]
    for arg in args:
        if arg == "--":
            return
        option = arg.split("=", 1)[0].replace("_", "-")
        if option.startswith("--") and option not in [*names, *switches, "--help"]:
            near = difflib.get_close_matches(option, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
            raise RunError(f"unknown option {option}; {hint}")


def _parse(config_type, prog, args, **default):
    """Parse options; the parser's error, a drawn box, becomes one sentence."""
    box = io.StringIO()
    try:
        with contextlib.redirect_stderr(box):
            return tyro.cli(
                config_type, prog=prog, args=args, config=(tyro.conf.DisallowNone,), **default
            )
    except SystemExit as stop:
        if stop.code == 0:  # --help
            raise
        raise RunError(f"{_first_part(box.getvalue())}; {prog} --help lists the options") from None


def _first_part(box):
    """Return the text of a drawn box up to its first horizontal rule."""
    lines = [line.strip("│╭╮╰╯ ") for line in box.splitlines()[1:]]
    end = next((i for i, line in enumerate(lines) if set(line) <= {"─"}), len(lines))
    text = " ".join(lines[:end]).strip(" .")
    # "None" stands for an option that is not given; nobody types it.
    return text.replace("'None', ", "").replace(", 'None'", "")


def from_json(config_type, path, recorded):
    """Build a config from a JSON file's values, checked as if typed; a RunError names a bad one."""
    names = option_names(config_type)
    args = []
    for name, value in recorded.items():
        if name not in names:
            raise RunError(f"{path}: there is no option {name!r}")
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            args += [option] if value else [f"--no-{option[2:]}"]
        elif isinstance(value, list):
            args += [option, *map(str, value)]
        elif value is not None:
            args.append(f"{option}={value}")
    try:
        return _parse(config_type, "the command", args)
    except RunError as error:
        raise RunError(f"{path}: {error}") from None


def option_values(config):
    """Return the options of a config by name; groups of options are flat here."""
    values = {}
    for name, value in vars(config).items():
        values |= option_values(value) if is_dataclass(value) else {name: value}
    return values


def option_names(config_type):
    """Return the names of a config's options; groups of options are flat here."""
    names = []
    for field in fields(config_type):
        group = get_args(field.type)[0] if get_origin(field.type) is Annotated else field.type
        names += option_names(group) if is_dataclass(group) else [field.name]
    return names


def note(sentence):
    """Print a sentence that is no error on standard error."""
    print(f"note: {sentence}", file=sys.stderr)


def notes(sentences):
    """Print several notes: the first ones, and the number of the others."""
    sentences = list(sentences)
    for sentence in sentences[:LISTED]:
        note(sentence)
    if len(sentences) > LISTED:
        note(f"and {len(sentences) - LISTED} more of these")


def _show_warning(message, category, filename, lineno, file=None, line=None):
    text = compilation_cache.handle(message)
    if text is None:
        note(message)
    elif text:
        note(text)
