"""Builds HTML from elements, so that every text is escaped and every tag is closed."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from xml.etree.ElementTree import Element, tostring

__all__ = ["Element", "document", "node", "table"]


def node(tag: str, *children: str | Element, **attributes: str) -> Element:
    """Return an element with texts and elements in it.

    Args:
        tag: Its name.
        children: Texts (escaped when written) and elements, in order.
        attributes: By name; ``class_`` stands for ``class``, other underscores for hyphens.

    Returns:
        The element.
    """
    names = {name: name.rstrip("_").replace("_", "-") for name in attributes}
    element = Element(tag, {names[name]: _printable(value) for name, value in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            element.append(child)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + _printable(child)
        else:
            element.text = (element.text or "") + _printable(child)
    return element


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], text_columns: Container[int] = ()
) -> Element:
    """Return a table that scrolls sideways where it is wider than the page; the first cell of a row is its heading.

    Args:
        caption: What it shows.
        head: One heading per column.
        rows: Cells as text.
        text_columns: Positions of columns that are no numbers, which begin at the left.

    Returns:
        The element around the table.
    """
    look = [{"class_": "text"} if place in text_columns else {} for place in range(len(head))]
    top = node("tr", *(node("th", title, scope="col", **kind) for title, kind in zip(head, look, strict=True)))
    body = []
    for first, *others in rows:
        cells = [node("td", cell, **kind) for cell, kind in zip(others, look[1:], strict=True)]
        body.append(node("tr", node("th", first, scope="row"), *cells))
    whole = node("table", node("caption", caption), node("thead", top), node("tbody", *body))
    # The region is in the tab order: it can be scrolled by keyboard.
    return node("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def document(title: str, style: str, content: Sequence[Element]) -> str:
    """Return a whole page without anything to load.

    Args:
        title: Shown in the tab.
        style: CSS.
        content: What the body holds.

    Returns:
        HTML.
    """
    head = node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("title", title),
        node("style", style),
    )
    page = node("html", head, node("body", *content), lang="en")
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html") + "\n"


def _printable(text: str) -> str:
    """Replace control characters, which HTML does not allow."""
    return "".join(char if char >= " " or char in "\n\t" else "�" for char in text)
