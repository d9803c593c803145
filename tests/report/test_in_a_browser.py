"""The page in headless Chromium: it shows everything, in light and dark, wide and narrow."""

from __future__ import annotations

import shutil

import matplotlib.image
import numpy as np
import pytest

from amer_tf.search.result import SearchResult
from tests.report import chromium
from tests.report.reading import Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def browser():
    return chromium.find()


@pytest.fixture(params=["next_item", "ctr", "hybrid"])
def file(request, copy):
    return SearchResult.load(copy(request.getfixturevalue(request.param), "run")).report()


def pixels(rendered):
    """The screenshot, `(height, width, 3)`, from 0 to 1."""
    return matplotlib.image.imread(rendered.screenshot)[:, :, :3]


def share_of_paper(image):
    """How much of a picture has the colour of its corner."""
    return float((np.abs(image - image[-1, -1]).max(axis=2) < 0.02).mean())


def test_the_page_shows_everything(file, tmp_path):
    rendered = chromium.Rendered(file, tmp_path)
    assert rendered.messages == []
    expected, shown = Page(file.read_text(encoding="utf-8")), Page(rendered.dom)
    assert shown.headings == expected.headings
    assert shown.tables == expected.tables
    assert len(shown.labels) == len(expected.labels)
    image = pixels(rendered)
    assert image.shape == (6000, 1100, 3)
    # Neither blank nor a single colour: text, tables and pictures from the top downwards.
    assert 0.5 < share_of_paper(image) < 0.99
    assert all(share_of_paper(part) < 0.995 for part in np.split(image[:4000], 4))
    assert image[-1, -1].min() > 0.9


def test_dark(file, tmp_path):
    image = pixels(chromium.Rendered(file, tmp_path, dark=True))
    assert image[-1, -1].max() < 0.2
    assert 0.5 < share_of_paper(image) < 0.99
    assert image.max() > 0.8


def test_on_a_telephone(ctr, copy, tmp_path):
    file = SearchResult.load(copy(ctr, "run")).report()
    image = pixels(chromium.Rendered(file, tmp_path, size=(500, 4000)))
    # Nothing reaches the edge: wide tables scroll by themselves.
    assert share_of_paper(image[:, -8:]) > 0.999


def test_console_errors_would_be_seen(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><title>x</title><script>console.error('seen')</script>")
    folder = tmp_path / "browser"
    folder.mkdir()
    assert "seen" in chromium.Rendered(page, folder).messages[0]
    shutil.rmtree(folder)
