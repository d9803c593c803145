"""Where there is no browser: the tests are skipped, but for a gate that needs one."""

from __future__ import annotations

import pathlib

import pytest

from tests.report import chromium

CI = pathlib.Path(__file__).parents[2] / ".ci" / "run"


@pytest.fixture(autouse=True)
def nothing_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_a_browser_a_test_is_skipped(monkeypatch):
    monkeypatch.delenv(chromium.NEEDED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="no browser: none of chromium"):
        chromium.find()


def test_without_a_browser_that_is_needed_a_test_fails(monkeypatch):
    monkeypatch.setenv(chromium.NEEDED, "1")
    with pytest.raises(pytest.fail.Exception, match=f"no browser.*{chromium.NEEDED} is set"):
        chromium.find()


def test_the_gate_needs_one():
    text = CI.read_text(encoding="utf-8")
    assert f"export {chromium.NEEDED}=1" in text
    assert "apt-get install --yes --no-install-recommends chromium" in text
    assert "chromium" in chromium.NAMES
