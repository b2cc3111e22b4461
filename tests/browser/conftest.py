"""Debian's Chromium on loopback, driven by Playwright. Missing: skipped loudly; with CI=true a failure."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from monitor.web.app import create_app
from monitor.web.serve import Site
from tests.monitor.web.village import NOW, Village, fleet, make_village

ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        said = "chromium is missing: apt-get install chromium"
        pytest.fail(said) if os.environ.get("CI") == "true" else pytest.skip(said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def village() -> Iterator[Village]:
    made = make_village()
    yield made
    made.casebook.close()


@pytest.fixture(scope="session")
def address(village: Village) -> Iterator[str]:
    """Where the village's page is served, by the server that serves the product."""
    site = Site(create_app(village.world, fleet(), lambda: NOW), "127.0.0.1", 0, None)
    site.start()
    yield site.url
    site.stop()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TREZOR_SCREENSHOTS keeps the pictures for a person to look at."""
    folder = Path(os.environ.get("TREZOR_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
