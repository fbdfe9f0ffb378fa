"""A person at a hub: what one does with a browser, in headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

MINUTE = 60_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def browser(pictures: Path | None = None) -> Iterator[Page]:
    """A page of Debian's Chromium, without any proxy; a failure tells what it showed, with a picture in `pictures`."""
    program = shutil.which("chromium")
    assert program, "these tests need Debian's package chromium (make test installs it)"
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS, env=environment)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        try:
            yield page
        except BaseException as error:
            if pictures:
                pictures.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=pictures / "failed.png")
            error.add_note(f"the browser was at {page.url} and showed:\n{page.locator('body').inner_text()}")
            raise
        finally:
            chromium.close()


@dataclass(frozen=True)
class Person:
    """Somebody with a browser and an account."""

    page: Page
    address: str
    user: str
    password: str

    def logs_in(self) -> None:
        """From the front page to wherever the hub leads."""
        self.page.goto(f"{self.address}/hub/login")
        self.page.fill("#username_input", self.user)
        self.page.fill("#password_input", self.password)
        self.page.click("#login_submit")

    def gets_a_server(self) -> None:
        """JupyterLab is open, whatever pages come before it."""
        self.page.goto(f"{self.address}/hub/spawn/{self.user}")
        self.page.wait_for_url(re.compile(rf".*/user/{self.user}/lab.*"), timeout=3 * MINUTE)
        expect(self.page.locator("#jp-main-dock-panel")).to_be_visible(timeout=MINUTE)

    def runs(self, code: str) -> str:
        """Open a new notebook, run one cell, save; the cell's output."""
        self.page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click(timeout=MINUTE)
        cell = self.page.locator(".jp-Notebook .jp-Cell .cm-content").first
        cell.click(timeout=MINUTE)
        expect(self.page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute(
            "data-status", "idle", timeout=MINUTE
        )
        self.page.keyboard.type(code)
        self.page.keyboard.press("Shift+Enter")
        output = self.page.locator(".jp-OutputArea-output").first
        expect(output).not_to_be_empty(timeout=MINUTE)
        said = output.inner_text().strip()
        self.page.keyboard.press("Control+s")
        rename = self.page.locator(".jp-Dialog button.jp-mod-accept")
        rename.click(timeout=10_000)
        expect(self.page.locator(".jp-Dialog")).to_have_count(0)
        return said

    def stops_the_server(self) -> None:
        """With the button of the hub's home page; returns when the hub offers to start one."""
        home = f"{self.address}/hub/home"
        self.page.goto(home)
        self.page.wait_for_function("window._jupyterhub_page_loaded", timeout=MINUTE)
        self.page.click("#stop")
        expect(self.page.locator("#start")).to_have_text(re.compile("Start My Server"), timeout=MINUTE)
        end = time.monotonic() + 60
        while self.page.locator("#stop").count():  # after 10 s the page says so of a server that is still stopping
            assert time.monotonic() < end, "the server did not stop within a minute"
            self.page.wait_for_timeout(1000)
            self.page.goto(home)

    def sees_output_of(self, notebook: str) -> str:
        """The first output that a saved notebook shows when it is opened."""
        self.page.goto(f"{self.address}/user/{self.user}/lab/tree/{notebook}")
        output = self.page.locator(".jp-OutputArea-output").first
        expect(output).not_to_be_empty(timeout=MINUTE)
        return output.inner_text().strip()
