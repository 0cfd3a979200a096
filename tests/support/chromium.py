"""Debian's Chromium without a window, driven by Playwright; tests skip where either is missing."""

import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


class Chromium:
    """A browser; each page of it has cookies and storage of its own."""

    def __init__(self, *arguments):
        """Skips the test where there is no browser, or nothing to drive it."""
        playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright")
        path = next(filter(None, map(shutil.which, NAMES)), None)
        if path is None:
            pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
        # Its sandbox does not run as root, as CI does.
        flags = ["--no-sandbox", "--disable-gpu", *arguments]
        self._driving = playwright.sync_playwright()
        self._options = {"executable_path": path, "args": flags}

    def __enter__(self):
        self._browser = self._driving.__enter__().chromium.launch(**self._options)
        return self

    def __exit__(self, *_):
        self._browser.close()
        self._driving.__exit__()

    @contextmanager
    def page(self, **options):
        """A new page; an exception in its scripts fails the test."""
        page = self._browser.new_page(**options)
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            yield page
        finally:
            page.close()
        assert errors == []
