"""What every figure must hold: texts that do not overlap and lie within the figure."""

from __future__ import annotations

from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def shown_texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every text that is drawn, with its box in pixels."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    hidden = set(map(id, _texts_of_unseen_ticks(figure)))
    texts = [text for text in figure.findobj(Text) if text.get_visible() and id(text) not in hidden]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text().strip()]


def overlapping(figure: Figure, tolerance: float = 1.0) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes overlap by more than ``tolerance`` pixels both ways."""
    pairs = []
    for (first, a), (second, b) in combinations(shown_texts(figure), 2):
        width = min(a.x1, b.x1) - max(a.x0, b.x0)
        height = min(a.y1, b.y1) - max(a.y0, b.y0)
        if width > tolerance and height > tolerance:
            pairs.append((first, second))
    return pairs


def outside(figure: Figure, tolerance: float = 1.0) -> list[str]:
    """Texts that are cut off at the figure's edge."""
    texts, frame = shown_texts(figure), figure.bbox
    return [
        text
        for text, box in texts
        if box.x0 < frame.x0 - tolerance
        or box.y0 < frame.y0 - tolerance
        or box.x1 > frame.x1 + tolerance
        or box.y1 > frame.y1 + tolerance
    ]


def legend_labels(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def _texts_of_unseen_ticks(figure: Figure) -> list[Text]:
    """Matplotlib makes labels of ticks beyond the limits as well, but does not draw them."""
    hidden = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axes.axison:
                hidden += axis.findobj(Text)
            low, high = sorted(axis.get_view_interval())
            margin = 1e-9 * (high - low)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not low - margin <= tick.get_loc() <= high + margin:
                    hidden += [tick.label1, tick.label2]
    return hidden
