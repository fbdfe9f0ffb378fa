"""What a model says of its fields: the text below each. It is read from the source when somebody asks, a schema or an
error, since pydantic's own way (`use_attribute_docstrings`) reads it of every model at each start: 0.05 s."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """The text of each field that has one, also of those that it inherits, by the key that it has in a file."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel:
            found.update(_own(one))
    keys = {name: field.alias or name for name, field in model.model_fields.items()}
    return {keys.get(name, name): text for name, text in found.items()}


def _own(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    except (OSError, TypeError, SyntaxError):  # its source is not there
        return
    for field, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
            case _:
                pass
