"""The terminal, and how counts and numbers are written."""

from rich.console import Console


def console():
    """Open the terminal; where there is none, lines are as wide as the tables."""
    # Names of images and folders are no markup.
    opened = Console(highlight=False, markup=False, emoji=False)
    if opened.is_terminal:
        return opened
    return Console(highlight=False, markup=False, emoji=False, width=110)


def counted(count, noun):
    """Write how many there are of something whose plural ends in s: "1 image"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def number(value, form):
    """Format a number; a dash where there is none."""
    return "–" if value is None else format(value, form)
