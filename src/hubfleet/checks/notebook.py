"""What is run on a kernel to see whether it works: a notebook's code cells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.errors import UsageError


@dataclass(frozen=True)
class Cell:
    """`code`, and a text that its output must hold; "" where any output will do that is no error."""

    code: str
    expects: str = ""


@dataclass(frozen=True)
class Notebook:
    """`kernel` is the kernelspec's name that it was written for, "" for the server's default."""

    name: str
    cells: tuple[Cell, ...]
    kernel: str = ""


BUILT_IN = Notebook("built in", (Cell("answer = 6 * 7", ""), Cell("print(answer)", "42")))
"""Means the same in Python, R and Julia."""


def read_notebook(file: Path) -> Notebook:
    """That of a file. UsageError if it is none, or cannot be read."""
    try:
        return parse(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not a notebook", why=str(error), remedy="give an .ipynb of format 4") from error


def parse(text: str, name: str) -> Notebook:
    """The code cells of a notebook of format 4 (nbformat 4, "The Notebook file format"). UsageError if it is none."""
    try:
        found: Any = json.loads(text)
        cells = tuple(Cell(_joined(one["source"])) for one in found["cells"] if one["cell_type"] == "code")
        kernel = str(found.get("metadata", {}).get("kernelspec", {}).get("name", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{name} is not a notebook", why=f"{type(error).__name__}: {error}", remedy="give an .ipynb of format 4"
        ) from error
    cells = tuple(one for one in cells if one.code.strip())
    if not cells:
        raise UsageError(f"{name} has no code to run", remedy="give a notebook with a code cell")
    return Notebook(name, cells, kernel)


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
