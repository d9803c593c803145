"""Diagrams by matplotlib as SVG inside the page, in the colours of the page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from typing import Any

from amer_tf.report.markup import Html, element

# Colours that the style sheet decides, light or dark; each stands for itself in a drawing.
COLORS = {
    "ink": "#010203",
    "soft": "#020304",
    "grid": "#030405",
    "first": "#040506",
    "second": "#050607",
    "third": "#060708",
    "quiet": "#070809",
}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "amer_tf",
    # A field may be called anything, with dollar signs too.
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10.0,
    "text.color": COLORS["ink"],
    "axes.axisbelow": True,
    "axes.edgecolor": COLORS["grid"],
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": COLORS["soft"],
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": COLORS["ink"],
    "axes.titlelocation": "left",
    "axes.titlesize": 11.0,
    "figure.facecolor": "none",
    "grid.color": COLORS["grid"],
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "xtick.color": COLORS["grid"],
    "xtick.labelcolor": COLORS["soft"],
    "ytick.color": COLORS["grid"],
    "ytick.labelcolor": COLORS["soft"],
}


class MissingPackageError(ImportError):
    """A package that the report needs and that is not installed."""


def import_matplotlib() -> Any:
    """The package matplotlib.

    Raises:
        MissingPackageError: Where it is not installed; the message names the extra.
    """
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise MissingPackageError(
            "The report needs matplotlib, which is not installed: `pip install amer_tf[report]`."
        ) from error
    return matplotlib


def plot(
    name: str,
    description: str,
    draw: Callable[[Any], None],
    *,
    width: float = 9.0,
    height: float = 3.2,
) -> Html:
    """A diagram as an SVG element.

    Args:
        name: Different for each diagram of a page.
        description: What it shows, for who cannot see it.
        draw: Draws on a matplotlib figure.
        width: In inches.
        height: In inches.
    """
    matplotlib = import_matplotlib()
    stream = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    return _inline(stream.getvalue(), name, description)


def plain_numbers(axis: Any, *, most: int, log: bool = False) -> None:
    """Ticks with their numbers written out.

    What matplotlib writes at the ticks of a logarithmic axis is mathematics, which nothing here
    reads.

    Args:
        axis: The horizontal axis of matplotlib axes, its limits set.
        most: About as many ticks as there is room for.
        log: Whether the axis is logarithmic.
    """
    from matplotlib import ticker

    if log:
        low, high = axis.get_view_interval()
        between = (1.0, 3.0) if high < 10.0 ** (most / 2.0) * low else (1.0,)
        axis.set_major_locator(ticker.LogLocator(subs=between, numticks=most))
        axis.set_minor_formatter(ticker.NullFormatter())
    else:
        axis.get_major_locator().set_params(nbins=most)
    axis.set_tick_params(labelsize=8)
    # With ten digits no number of parameters is written as a power of ten.
    axis.set_major_formatter(lambda value, position: f"{value:,.10g}")


def shared_legend(figure: Any, many: Iterable[Any], **options: Any) -> None:
    """One legend beside the axes for the curves and marks of all of them, each label once.

    Args:
        figure: The matplotlib figure.
        many: Some of its axes.
        **options: Of matplotlib's legend.
    """
    entries = {
        label: handle
        for axes in many
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if entries:
        figure.legend(entries.values(), entries.keys(), fontsize=8, **options)


def _inline(svg: str, name: str, description: str) -> Html:
    """An SVG file as an element of the page: its own names, no prolog, colours by name."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    [box] = re.findall(r'viewBox="([^"]*)"', body[: body.index(">")])
    body = body[body.index(">") + 1 : body.rindex("</svg>")]
    # Names are looked up in the whole page.
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    body = re.sub(r'xlink:href="#', f'href="#{name}-', body)
    for color, value in COLORS.items():
        body = body.replace(value, f"var(--{color})")
    return element(
        "svg",
        element("title", description),
        Html(body),
        viewBox=box,
        role="img",
        aria_label=description,
        class_="plot",
    )
