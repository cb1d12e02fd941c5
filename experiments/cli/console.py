"""The terminal, and how counts and numbers are written."""

from rich.console import Console


def terminal():
    """Open the terminal; output that goes elsewhere is wide enough for the widest table."""
    # Names of images and folders are no markup.
    settings = {"highlight": False, "markup": False, "emoji": False}
    console = Console(**settings)
    return console if console.is_terminal else Console(**settings, width=110)


def print_line(text):
    """Print text without breaking its lines to the terminal's width."""
    terminal().print(text, soft_wrap=True)


def counted(count, noun):
    """Write a count of something whose plural ends in s: "1 image", "2 images"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def number(value, form):
    """Format a number; a dash stands for None."""
    return "–" if value is None else format(value, form)
