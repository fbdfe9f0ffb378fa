"""The documentation says what the product does: generated pages are fresh, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hubfleet.cli.app import VERBS, hubfleet

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def test_generated_pages_are_fresh(tmp_path: Path) -> None:
    # In a process of its own: click keeps the help options that a command was first asked for with.
    subprocess.run([sys.executable, ROOT / "scripts" / "docs.py", tmp_path], check=True, timeout=60)
    pages = list(tmp_path.rglob("*.md"))
    assert pages
    for page in pages:
        assert (ROOT / page.relative_to(tmp_path)).read_text() == page.read_text(), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def commands() -> list[tuple[str, str]]:
    """Every line of a shell block that begins with hubfleet, and the page it is on."""
    found: list[tuple[str, str]] = []
    for page in PAGES:
        for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text(), re.DOTALL):
            lines = re.sub(r"\\\n\s*", "", block).splitlines()
            found += [(str(page.relative_to(ROOT)), line.strip().removeprefix("$ ")) for line in lines]
    return [(page, line) for page, line in found if line.startswith("hubfleet ")]


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_in_the_documentation_is_one_that_hubfleet_takes(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((i for i, word in enumerate(words) if word in {"|", ">", "&&"}), len(words))]
    command, context = hubfleet, click.Context(hubfleet, info_name="hubfleet")
    while words and isinstance(command, click.Group):
        inner = command.get_command(context, words.pop(0))
        assert inner is not None, f"{page}: {line}"
        command = inner
    command.make_context("hubfleet", words, resilient_parsing=False)


def test_every_verb_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [verb for verb in VERBS if f"`{verb}`" not in readme] == []
