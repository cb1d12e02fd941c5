"""Drawings as files of their own, which look the same wherever they are shown."""

import re
from pathlib import Path

_CSS = Path(__file__).parent / "style.css"
_PART = re.compile(r"/\* Drawings;.*?\*/\n(.*)/\* End of drawings\. \*/", re.DOTALL)
_TIP = re.compile(r'(<g [^>]*\btabindex="-1"[^>]*>)<title>.*?</title><circle [^>]*></circle>', re.S)
_BORDER = 12


def standalone(drawing):
    """Make a file's text of a drawing of a page.

    Colours are the page's light ones on white, since an image in a text is not told whether its
    reader's page is dark. What is told to a pointer only is left out: such images have none.
    """
    drawing = _TIP.sub(r"\1", drawing)
    x, y, width, height = map(float, re.search(r'viewBox="([^"]+)"', drawing)[1].split())
    x, y, width, height = (
        f"{value:g}"
        for value in (x - _BORDER, y - _BORDER, width + 2 * _BORDER, height + 2 * _BORDER)
    )
    head, rest = drawing.split(">", 1)
    head = re.sub(r'viewBox="[^"]+"', f'viewBox="{x} {y} {width} {height}"', head, count=1)
    paper = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="#fff"></rect>'
    return (
        f'{head} xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f"\n<style>\n{light_style()}</style>\n{paper}{_lines(rest)}\n"
    )


def _lines(markup):
    """Break lines between elements, for readers of differences."""
    return re.sub(r"(</(?:g|path|line|text)>)(?=<)", r"\1\n", markup)


def light_style():
    """Take the rules of drawings out of the page's style, with light colours written out."""
    css = _CSS.read_text(encoding="utf-8")
    found = dict(re.findall(r"--(\w+): (.+);", css.split("}", 1)[0]))
    light = {
        name: re.sub(r"light-dark\((\S+), .*\)", r"\1", value) for name, value in found.items()
    }
    light["paper"] = "#fff"
    rules = _PART.search(css)[1].replace("width: 100%; height: auto; ", "")
    rules = re.sub(r"var\(--colour(, var\(--ink\))?\)", "currentColor", rules)
    rules = rules.replace("--colour:", "color:")
    rules = re.sub(r"var\(--(\w+)\)", lambda name: light[name[1]], rules)
    return f".plot {{ color: {light['ink']}; }}\n{rules.replace('&', '&amp;')}"
