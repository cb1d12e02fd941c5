"""Parts of a page that sections share: tables, sentences, pairs of drawings."""

import re

from experiments.reporting.svg import tag, text

NUMBER = re.compile(r"[-−+]?[\d,.]+(e\d+)?( s| min| h)?|–")
WIDE, NARROW = 760, 350


def slug(*names):
    """Make an identifier of names."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(map(str, names)).lower()).strip("-") or "x"


def paragraph(words, class_=None):
    """Write a paragraph of plain text."""
    return tag("p", text(words), class_=class_)


def bullets(sentences):
    """Write a list of plain sentences; nothing for none."""
    items = [tag("li", text(sentence)) for sentence in sentences]
    return tag("ul", *items) if items else ""


def section(identifier, heading, *children):
    """Write a section that the navigation leads to."""
    named = f"{identifier}-heading"
    title = tag("h2", text(heading), id=named)
    return tag("section", title, *children, id=identifier, aria_labelledby=named)


def figure(*drawings, caption=None):
    """Write a figure; nothing without a drawing."""
    shown = [one for one in drawings if one]
    if not shown:
        return ""
    said = tag("figcaption", text(caption)) if caption else ""
    return tag("figure", *shown, said)


def at_two_widths(draw, identifier):
    """Draw the same for a desk and for a phone; the style shows one of them.

    `draw` takes an identifier and a width; None is no drawing.
    """
    both = [
        (class_, draw(f"{identifier}-{class_}", width))
        for class_, width in (("wide", WIDE), ("narrow", NARROW))
    ]
    return "".join(tag("div", one, class_=class_) for class_, one in both if one)


def table(caption, header, rows):
    """Write a table whose first column names its rows."""
    sides = [_side(column) for column in zip(*rows, strict=True)] or [None] * len(header)
    head = tag(
        "tr",
        *(
            tag("th", text(name), scope="col", class_=side)
            for name, side in zip(header, sides, strict=True)
        ),
    )
    body = [
        tag(
            "tr",
            tag("th", text(row[0]), scope="row"),
            *(
                tag("td", text(cell), class_=side or _tone(cell))
                for cell, side in zip(row[1:], sides[1:], strict=True)
            ),
        )
        for row in rows
    ]
    written = tag("table", tag("caption", text(caption)), tag("thead", head), tag("tbody", *body))
    # Focusable, so that the keyboard can scroll it.
    return tag("div", written, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _side(column):
    """Set a column of nothing but numbers to the right."""
    return "number" if all(NUMBER.fullmatch(str(cell)) for cell in column) else None


def _tone(cell):
    return "none" if str(cell).startswith(("no difference", "–", "not measured")) else None


def folded(summary, *children):
    """Write what only some want to see."""
    return tag("details", tag("summary", text(summary)), *children)
