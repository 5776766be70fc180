"""A page as bytes: everything that is written into it is escaped, and it loads nothing but its own two files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from tradewind.sandbox.wire import Answer

HTML = "text/html; charset=utf-8"
FILES = {"/screens/style.css": "text/css; charset=utf-8", "/screens/copy.js": "text/javascript; charset=utf-8"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
GUARDS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


NOTHING = Markup()


def fill(template: str, **values: object) -> Markup:
    """A template with values in its places; what is not markup already is escaped."""
    return Markup(template.format(**{name: each if isinstance(each, Markup) else escape(str(each)) for name, each in values.items()}))


def join(pieces: Iterable[Markup]) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(pieces))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> Markup:
    """A table whose numbers stand to the right; a sentence where it has no row."""
    cells = [join(_cell(value, place) for place, value in enumerate(row)) for row in rows]
    if not cells:
        return fill('<div class="sheet empty">{empty}</div>', empty=empty)
    numeric = [isinstance(value, int) for value in next(iter(rows))]
    heads = join(_head(name, number=number) for name, number in zip(columns, numeric, strict=True))
    body = join(fill("<tr>{row}</tr>", row=row) for row in cells)
    return fill('<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>', heads=heads, body=body)


def _head(name: str, *, number: bool) -> Markup:
    return fill('<th scope="col" class="number">{name}</th>' if number else '<th scope="col">{name}</th>', name=name)


def _cell(value: object, place: int) -> Markup:
    if isinstance(value, int):
        return fill('<td class="number">{value}</td>', value=f"{value:,}")
    return fill('<td class="name">{value}</td>' if place == 0 else "<td>{value}</td>", value=value)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - The Trade Desk, emulated</title><link rel="stylesheet" href="/screens/style.css"><link rel="icon" href="data:,">
<script type="module" src="/screens/copy.js"></script></head>
<body><header><strong>The Trade Desk, emulated</strong>
<span>A rehearsal on this machine. Nothing here is The Trade Desk's.</span>{menu}</header>
<main>{body}</main><p id="said" role="status" class="said"></p></body></html>
"""


def page(title: str, body: Markup, menu: Markup = NOTHING, status: int = 200) -> Answer:
    """A whole page."""
    return Answer(status, fill(_PAGE, title=title, body=body, menu=menu).encode(), HTML, GUARDS)


def file(path: str) -> Answer:
    """One of the two files that pages load."""
    return Answer(200, (Path(__file__).parent / path.rpartition("/")[2]).read_bytes(), FILES[path], GUARDS)
