"""A page in headless Chromium: what it renders to, and what it complains of."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Needed as root and in containers; nothing is fetched, whatever a page asks for.
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--proxy-server=127.0.0.1:9",
    "--enable-logging=stderr",
    "--log-level=0",
)


# Set where a gate must not pass without a browser.
NEEDED = "AMER_TF_NEEDS_BROWSER"


def find() -> str:
    """The program; without one the test is skipped, or fails where a browser is needed."""
    for name in NAMES:
        program = shutil.which(name)
        if program is not None:
            return program
    reason = f"no browser: none of {', '.join(NAMES)} is on the path"
    if os.environ.get(NEEDED):
        pytest.fail(f"{reason}, and {NEEDED} is set")
    pytest.skip(reason)


class Rendered:
    """A page as Chromium shows it.

    Args:
        file: The page.
        folder: Where the profile and the screenshot are written.
        size: Width and height of the window in pixels.
        dark: Whether the system prefers dark colours.
    """

    def __init__(
        self,
        file: pathlib.Path,
        folder: pathlib.Path,
        size: tuple[int, int] = (1100, 6000),
        dark: bool = False,
    ) -> None:
        self._file, self._folder = file, folder
        self._options = [
            *_OPTIONS,
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={size[0]},{size[1]}",
            *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        ]
        self.messages: list[str] = []
        self.dom = self._run("--dump-dom")
        self.screenshot = folder / "screenshot.png"
        self._run(f"--screenshot={self.screenshot}")

    def _run(self, action: str) -> str:
        command = [find(), *self._options, action, self._file.as_uri()]
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, timeout=120, check=True
        )
        self.messages += re.findall(r".*CONSOLE.*", done.stderr)
        return done.stdout
