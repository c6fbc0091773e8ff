"""Parts that pages are put together from."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from .html import Element, node

__all__ = ["definitions", "links_to", "picture", "section"]


def section(name: str, title: str, *content: Element) -> Element:
    """A part of a page with a heading; links can go to its name."""
    return node("section", node("h2", title), *content, id=name)


def links_to(sections: Sequence[Element]) -> Element:
    """A line of links to sections."""
    links = [node("a", part[0].text or "", href=f"#{part.get('id')}") for part in sections]
    # Spaces between links, so that a line can break there.
    return node("nav", *(part for link in links for part in (link, " ")))


def definitions(pairs: Sequence[tuple[str, str]], look: str) -> Element:
    """Terms and what they mean; ``look`` is ``facts`` or ``words``."""
    return node("dl", *(part for name, text in pairs for part in (node("dt", name), node("dd", text))), class_=look)


def picture(name: str, title: str, reading: str, svg: bytes, note: str = "") -> Element:
    """A figure inside the page, under a heading.

    Args:
        name: Links can go to ``figure-NAME``.
        title: The heading.
        reading: How to read it, also for those who cannot see it.
        svg: The figure.
        note: More for the caption.
    """
    data = base64.b64encode(svg).decode("ascii")
    image = node("img", src=f"data:image/svg+xml;base64,{data}", alt=f"{title}. {reading}")
    caption = node("figcaption", " ".join(part for part in (reading, note) if part))
    scroll = node("div", image, class_="scroll", role="region", aria_label=title, tabindex="0")
    return node("div", node("h3", title), node("figure", scroll, caption), id=f"figure-{name}")
