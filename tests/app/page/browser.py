"""A real Chromium for the tests of the page, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = os.environ.get("RIVERRUN_TEST_CHROMIUM") or shutil.which("chromium")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; skips the test where Chromium or playwright cannot be had."""
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH, and RIVERRUN_TEST_CHROMIUM names none")
    api = pytest.importorskip("playwright.sync_api", reason="playwright (the extra `browser`)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Any, url: str, width: int, **options: Any) -> tuple[Any, list[str]]:
    """A page, and what its console says from errors on."""
    page = browser.new_page(viewport={"width": width, "height": 844}, **options)
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    return page, said


def overflow(page: Any) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
