"""Reads HTML strictly: every tag closed, nothing to load, all text in one string."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """A parsed page.

    Attributes:
        tags: Names of all elements.
        text: All text outside style.
        images: (alt, src) of all images.
        loaded: Values of attributes that make a browser load something.
        ids: All ids.
        links: Targets of all links.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.style = ""
        self.images: list[tuple[str, str]] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        assert html.startswith("<!DOCTYPE html>")
        self.feed(html)
        self.close()
        assert self._open == []
        self.loaded += re.findall(r"url\(|@import|expression\(", self.style)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = {name: value or "" for name, value in attrs}
        assert len(values) == len(attrs), f"<{tag}> has an attribute twice"
        if tag not in VOID:
            self._open.append(tag)
        if tag == "img":
            self.images.append((values["alt"], values["src"]))
        self.links += [values["href"]] if "href" in values else []
        self.ids += [values["id"]] if "id" in values else []
        self.loaded += [
            value
            for name, value in values.items()
            if (name in ("src", "href", "srcset", "data", "action") and not value.startswith(("data:", "#")))
            or name.startswith("on")
            or name == "style"
        ]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.text += data
