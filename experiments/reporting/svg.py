"""Scalable drawings as text: elements, marks and axes."""

from html import escape

from experiments.reporting.scales import short


def tag(name, *children, **attributes):
    """Write one element.

    Parameters
    ----------
    name : str
    *children : str
        Markup; plain text goes through `text` first.
    **attributes
        None leaves one out, and a number is written with at most 2 decimals. ``class_`` stands for
        class, other underscores for hyphens.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>"


def text(value):
    """Escape plain text for markup."""
    return escape(str(value))


def _attribute(value):
    return number(value) if isinstance(value, float) else escape(str(value))


def number(value):
    """Write a coordinate in as few characters as a screen needs."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def drawing(identifier, title, description, width, height, *children, class_="plot"):
    """Write a drawing that says what it shows to those who do not see it, too."""
    names = f"{identifier}-title", f"{identifier}-desc"
    return tag(
        "svg",
        tag("title", text(title), id=names[0]),
        tag("desc", text(description), id=names[1]),
        *children,
        id=identifier,
        class_=class_,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="group",
        aria_labelledby=" ".join(names),
    )


def label(x, y, words, **attributes):
    """Write words at a place."""
    return tag("text", text(words), x=float(x), y=float(y), **attributes)


def line(x1, y1, x2, y2, **attributes):
    """Draw a straight line."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **attributes)


def path(points, *, closed=False, **attributes):
    """Draw straight lines from point to point; outlines only, unless `closed`."""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return tag("path", d=f"M{steps}{'Z' if closed else ''}", **attributes)


def mark(x, y, tip, *, shape="circle", size=4.5, **attributes):
    """Draw a point that tells `tip`, its lines parted by newlines, to pointer and keyboard."""
    target = tag("circle", cx=float(x), cy=float(y), r="11", class_="hit")
    return tag(
        "g",
        tag("title", text(tip)),
        target,
        _shape(shape, x, y, size),
        role="img",
        tabindex="-1",
        **attributes,
    )


def _shape(shape, x, y, size):
    if shape == "circle":
        return tag("circle", cx=float(x), cy=float(y), r=float(size), class_="dot")
    corners = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "diamond": ((0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)),
        "triangle": ((0, -1.3), (1.25, 0.95), (-1.25, 0.95)),
        "down": ((0, 1.3), (1.25, -0.95), (-1.25, -0.95)),
    }[shape]
    at = [(x + 0.9 * size * dx, y + 0.9 * size * dy) for dx, dy in corners]
    return path(at, closed=True, class_="dot")


SHAPES = ("circle", "square", "diamond", "triangle", "down")


def bottom_axis(scale, y, top, *, title, count=5, form=short):
    """Draw a horizontal axis at `y`, its grid up to `top`, its title at the right below."""
    parts = []
    for tick in scale.ticks(count):
        x = scale(tick)
        parts.append(line(x, top, x, y, class_="grid"))
        parts.append(label(x, y + 16, form(tick), class_="tick", text_anchor="middle"))
    parts.append(line(scale.start, y, scale.stop, y, class_="axis"))
    parts.append(label(scale.stop, y + 34, title, class_="name", text_anchor="end"))
    return tag("g", *parts, aria_hidden="true")


def left_axis(scale, x, right, *, title, count=5, form=short):
    """Draw a vertical axis at `x`, its grid up to `right`, its title at the top."""
    parts = []
    for tick in scale.ticks(count):
        y = scale(tick)
        parts.append(line(x, y, right, y, class_="grid"))
        parts.append(label(x - 7, y + 4, form(tick), class_="tick", text_anchor="end"))
    parts.append(label(max(x - 36, 2), 15, title, class_="name"))
    return tag("g", *parts, aria_hidden="true")
