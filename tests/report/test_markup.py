"""HTML from values: escaped, aligned, labelled."""

from __future__ import annotations

import pytest

from amer_tf.report.markup import (
    Estimate,
    Html,
    NumberText,
    cell_text,
    drawing,
    element,
    escape,
    figure,
    joined,
    table,
)


def test_text_is_escaped_and_html_is_not():
    assert escape('<a b="c"> & d') == "&lt;a b=&quot;c&quot;&gt; &amp; d"
    assert escape(Html("<b>x</b>")) == "<b>x</b>"
    assert joined(["<", Html("<br>")], "|") == "&lt;|<br>"
    assert element("p", "a<b", Html("<i>c</i>")) == "<p>a&lt;b<i>c</i></p>"


def test_attributes():
    made = element("th", "x", class_="a", aria_label='"<', scope=None, x=1.5)
    assert made == '<th class="a" aria-label="&quot;&lt;" x="1.5">x</th>'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        (0.123456, "0.1235"),
        ("as it is", "as it is"),
        (Estimate(0.5), "0.5000"),
        (Estimate(0.5, 0.0123), "0.5000 ± 0.0123"),
        (Estimate(0.00012, 0.00003, 5), "0.00012 ± 0.00003"),
        (Estimate(-3.2e-5, 0.0123), "-3.2e-05 ± 0.0123"),
        (Estimate(23456789.0, 1.0), "2.346e+07 ± 1.0000"),
    ],
)
def test_cells(value, text):
    assert cell_text(value) == text


def test_a_table():
    rows = [["a<", 1, None, "x", NumberText("3 trees"), True], ["b", 2.0, 3, "y", None, False]]
    made = table("What & why", ["n", "1", "2", "3", "4", "5"], rows, marked=[1])
    assert "<caption>What &amp; why</caption>" in made
    assert made.count('<th scope="col"') == 6
    assert '<th scope="row">a&lt;</th><td class="number">1</td><td class="number"></td>' in made
    assert '<td>x</td><td class="number">3 trees</td><td>yes</td>' in made
    assert made.count('class="marked"') == 1
    assert '<tr class="marked"><th scope="row">b</th>' in made


def test_a_table_without_rows():
    assert "<tbody></tbody>" in table("none", ["a", "b"], [])


def test_pictures_say_what_they_show():
    image = drawing(10, 20, "a <circle>")
    assert image.startswith("<svg")
    assert "<title>a &lt;circle&gt;</title>" in image
    assert 'role="img" aria-label="a &lt;circle&gt;"' in image
    assert 'viewBox="0 0 10 20"' in image
    assert "<figcaption>read &lt; so</figcaption>" in figure(image, "read < so")
