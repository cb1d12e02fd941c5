"""Parts of a Markdown text as code hosts show it: names are text, never markup."""

import re

from experiments.reporting.html import NUMBER
from experiments.reporting.standalone import standalone

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|~$&])")
_START = re.compile(r"^(\s*)([-+=]|\d+[.)])(?=\s|$)")


def escaped(words):
    """Write plain text so that nothing in it is markup; a line break becomes a space."""
    flat = " ".join(str(words).split())
    flat = _SPECIAL.sub(lambda found: _plain(found, flat), flat)
    return _START.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", flat)


def _plain(found, words):
    """Leave alone what cannot be markup where it stands, so that the text stays readable."""
    mark, before, after = found[1], words[: found.start()][-1:], words[found.end() :][:1]
    if mark in "()#" and not (mark == "#" and not before) and before != "]":
        return mark
    if mark == "_" and before.isalnum() and after.isalnum():
        return mark
    return f"\\{mark}"


def heading(words, level=2):
    """Write a heading."""
    return f"{'#' * level} {escaped(words)}"


def bullets(sentences):
    """Write a list of plain sentences."""
    return "\n".join(f"- {escaped(sentence)}" for sentence in sentences)


def image(alt, target):
    """Show an image that lies beside the text."""
    return f"![{escaped(alt)}]({target})"


def link(words, target):
    """Write a link."""
    return f"[{escaped(words)}]({target})"


def table(header, rows):
    """Write a table, columns of numbers to the right, cells as wide as their column."""
    rows = [[escaped(cell) for cell in row] for row in rows]
    header = [escaped(name) for name in header]
    columns = list(zip(header, *rows, strict=True))
    sides = [all(NUMBER.fullmatch(cell) for cell in column[1:]) for column in columns]
    widths = [max(3, *map(len, column)) for column in columns]
    rule = [
        "-" * (width - 1) + (":" if right else "-")
        for width, right in zip(widths, sides, strict=True)
    ]
    lines = [header, rule, *rows]
    return "\n".join(_row(line, widths, sides) for line in lines)


def _row(cells, widths, sides):
    padded = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, sides, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def paragraphs(sentences):
    """Write sentences as one paragraph of plain text."""
    return escaped(" ".join(sentence for sentence in sentences if sentence))


def chapter(title, *blocks, level=2):
    """Write a chapter; nothing if none of its blocks says anything."""
    said = [block for block in blocks if block]
    return "\n\n".join((heading(title, level), *said)) if said else ""


class Figures:
    """Figures of a text: what is added is a file's text, by its name below ``figures/``."""

    def __init__(self):
        self.files = {}

    def add(self, drawing, alt):
        """Keep a drawing, if there is one, and write what shows it."""
        if not drawing:
            return ""
        identifier = re.search(r'id="([^"]+)" class="plot', drawing)[1]
        name = f"figures/{identifier}.svg"
        self.files[name] = standalone(drawing)
        return image(alt, name)
