"""Diagrams inside the page: names of their own, the page's colours, no mathematics in labels."""

from __future__ import annotations

import re

import matplotlib
import pytest

from amer_tf.report import plots
from amer_tf.report.plots import MissingPackageError, plain_numbers, plot, shared_legend


def drawn(name="first", label="cost $x$ <b> & c"):
    def draw(figure):
        axes = figure.add_subplot()
        axes.plot([1, 2], [3, 4], color=plots.COLORS["first"], label=label)
        axes.set_title(label)
        axes.legend()

    return plot(name, "a <diagram>", draw)


def test_a_diagram():
    image = drawn()
    assert image.startswith("<svg")
    assert "<title>a &lt;diagram&gt;</title>" in image
    assert "cost $x$ &lt;b&gt; &amp; c" in image
    assert not re.search(r"<\?xml|<!DOCTYPE|<metadata|https?://|xlink", image)


def test_colours_are_those_of_the_page():
    image = drawn()
    assert "stroke: var(--first)" in image
    assert "fill: var(--ink)" in image
    assert not any(color in image for color in plots.COLORS.values())


def test_names_are_different_between_diagrams():
    first, second = drawn("first"), drawn("second")
    names = [set(re.findall(r'\bid="([^"]*)"', image)) for image in (first, second)]
    assert names[0]
    assert not names[0] & names[1]
    for image, own in zip((first, second), names, strict=True):
        assert set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', image)) <= {
            pair for name in own for pair in ((name, ""), ("", name))
        }


def test_the_same_diagram_twice_is_the_same():
    assert drawn() == drawn()


def test_the_style_is_not_left_behind():
    before = dict(matplotlib.rcParams)
    drawn()
    assert dict(matplotlib.rcParams) == before


def test_a_shared_legend_has_each_label_once():
    def draw(figure):
        for number in (1, 2):
            figure.add_subplot(1, 2, number).plot([1, 2], [3, 4], label="one label")
        shared_legend(figure, figure.axes, loc="outside right upper")

    assert plot("x", "y", draw).count(">one label</text>") == 1


@pytest.mark.parametrize(
    ("values", "log", "labels"),
    [
        ([9e4, 9e6], True, ["100,000", "1,000,000", "10,000,000"]),
        ([2.6, 30.0], True, ["3", "10", "30"]),
        ([0.2, 900.0], True, ["1", "10", "100", "1,000"]),
        ([1.2e7, 1.9e7], False, ["12,000,000", "14,000,000", "16,000,000", "18,000,000"]),
        ([0.3, 0.6], False, ["0.3", "0.4", "0.5", "0.6"]),
    ],
)
def test_numbers_at_ticks_are_written_out(values, log, labels):
    def draw(figure):
        axes = figure.add_subplot()
        axes.set_yticks([])
        axes.plot(values, [1, 1])
        if log:
            axes.set_xscale("log")
        plain_numbers(axes.xaxis, most=4, log=log)

    image = plot("x", "y", draw)
    assert re.findall(r">([\d,.]+)</text>", image) == labels
    assert "$" not in image


def test_matplotlib_is_not_there(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r"pip install amer_tf\[report\]"):
        plots.import_matplotlib()
