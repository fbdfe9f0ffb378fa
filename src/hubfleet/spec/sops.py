"""Files that sops has encrypted, as they stand there: their keys are known, their values are not. Needs no key.

A file is taken for one by its content: sops leaves keys and shape, makes each value an `ENC[...]`, and adds a map
`sops` that says who can decrypt it (sops 3.13, stores/stores.go and aes/cipher.go).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from hubfleet.errors import Layer
from hubfleet.spec.problems import InvalidFiles, KeyPath, Problem, written
from hubfleet.spec.reading import Document, parse
from hubfleet.spec.secrets import BadReferences, MissingSecret, Reference, Scalar, Secret, map_leaves, mark
from hubfleet.spec.wording import NO_REFERENCE, did_you_mean

_SEALED = re.compile(r"ENC\[AES256_GCM,data:.+,iv:.+,tag:.+,type:(\w+)\]")
_RECIPIENTS = {
    "age": ("recipient",),
    "pgp": ("fp",),
    "kms": ("arn",),
    "gcp_kms": ("resource_id",),
    "azure_kv": ("vault_url", "name", "version"),
    "hc_vault": ("vault_address", "engine_path", "key_name"),
    "hckms": ("key_id",),
}
"""Each kind of key, and what names one of it."""
_EDIT = "make the change with `sops edit` (or `sops set`), which encrypts it"


def values_of(document: Document) -> dict[str, Any]:
    """The free values in a document, secrets as `Secret`s: what is encrypted, and texts that hold references.
    InvalidFiles for what cannot be meant."""
    encrypted = is_encrypted(document.tree)
    if not encrypted and "${" not in document.text:
        return document.tree
    try:
        return cast("dict[str, Any]", _sealed(document) if encrypted else mark(document.tree))
    except BadReferences as error:
        bad = [Problem(document.positions[key], what, written(key), NO_REFERENCE) for key, what in error.found]
    raise InvalidFiles(bad)


def is_encrypted(tree: Mapping[str, Any]) -> bool:
    """Whether sops has encrypted the file that this tree stands in."""
    about = tree.get("sops")
    return isinstance(about, dict) and ("mac" in about or "lastmodified" in about)


def recipients(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Whose keys decrypt an encrypted file: "age age1...", "pgp FINGERPRINT", "kms arn:aws:..."."""
    about = cast("Mapping[str, Any]", tree["sops"])
    groups = [about, *_maps(about.get("key_groups"))]
    every = (
        (kind, names, key) for group in groups for kind, names in _RECIPIENTS.items() for key in _maps(group.get(kind))
    )
    found = (f"{kind} {'/'.join(str(key[name]) for name in names if key.get(name))}" for kind, names, key in every)
    return tuple(dict.fromkeys(found))


def sealed(reference: Reference, folder: Path) -> Reference:
    """The same, with its file and what stands encrypted at its key. MissingSecret if that file is none of sops', or has
    no such key. Its path counts from `folder`."""
    document = read_encrypted(reference.encrypted(folder))
    value = at(document.tree, reference.path, document.file)
    text = value if isinstance(value, str) and _SEALED.fullmatch(value) else ""
    return Reference(reference.kind, reference.name, reference.path, document.file, text)


def read_encrypted(file: Path) -> Document:
    """The file that sops has encrypted, its values still so. MissingSecret if it is none."""
    try:
        document = parse(file)
    except InvalidFiles as error:
        problem = error.problems[0]
        raise _missing(f"the secrets' file {file}: {problem.what}", problem.remedy) from error
    if not is_encrypted(document.tree):
        raise _missing(f"the file {file} is not encrypted by sops", f"encrypt it: sops encrypt --in-place {file}")
    return document


def at(tree: Mapping[str, Any], path: KeyPath, file: Path) -> Scalar:
    """The one value at this key of a file, which is named in errors. MissingSecret if there is none."""
    value: Any = {key: below for key, below in tree.items() if key != "sops"}
    for index, key in enumerate(path):
        known = [*_entries(value)]
        if key not in known:
            near = did_you_mean(str(key), [str(one) for one in known])
            remedy = f"{near} There is {', '.join(map(str, known)) or 'nothing'}".strip()
            where = f"{written(path[:index])} in {file}" if index else str(file)
            raise _missing(f"{where} has no {key}", remedy)
        value = value[key]
    if isinstance(value, dict | list):
        raise _missing(f"{written(path)} in {file} is no single value", "name a key in it")
    if value is None or value == "":
        raise _missing(f"{written(path)} in {file} is empty", f"fill it in: sops edit {file}")
    return cast("Scalar", value)


def _sealed(document: Document) -> Any:
    tree = cast("dict[str, Any]", _without_comments({key: one for key, one in document.tree.items() if key != "sops"}))
    problems = tuple(_problems(document, tree))
    if problems:
        raise InvalidFiles(problems)

    def secret(leaf: Any, path: KeyPath) -> Any:
        if not (isinstance(leaf, str) and _SEALED.fullmatch(leaf)):
            return leaf
        return Secret(Reference("sops", f"{document.file.name}#{written(path)}", path, document.file, leaf))

    return map_leaves(mark(tree), secret)


def _problems(document: Document, tree: Mapping[str, Any]) -> Iterator[Problem]:
    """What sops would not decrypt, as far as it can be told without a key."""
    if list(tree) == ["data"] and _is_sealed(tree["data"]):
        what = "the file is encrypted as a whole, as binary: no key in it is known"
        remedy = f"decrypt it, and encrypt it with `sops encrypt --input-type yaml --output-type yaml {document.file}`"
        yield Problem(document.positions["data",], what, "", remedy)
        return
    expected = _rule(document.tree["sops"])
    leaves: list[tuple[KeyPath, Any]] = []
    map_leaves(tree, lambda leaf, path: leaves.append((path, leaf)))
    for path, leaf in leaves:
        if expected is None or leaf in (None, "") or isinstance(leaf, dict | list):
            continue
        what = _misfit(leaf, encrypted=expected(path))
        if what:
            yield Problem(document.positions[path], what, written(path), _EDIT)


def _misfit(leaf: Any, *, encrypted: bool) -> str:
    if _is_sealed(leaf) is encrypted:
        return ""
    if not encrypted:
        return "is encrypted where the rules in this file's `sops` map leave values in clear: sops would not decrypt it"
    if isinstance(leaf, str) and leaf.startswith("ENC["):
        return "is not as sops wrote it: it is damaged"
    return "stands here in clear, in a file that sops has encrypted: sops refuses the whole file, its MAC does not fit"


def _rule(about: Mapping[str, Any]) -> Callable[[KeyPath], bool] | None:
    """Which keys' values are encrypted (sops 3.13, sops.go shouldBeEncrypted); None where comments decide, or Python
    cannot read Go's regular expression."""
    if about.get("encrypted_comment_regex") or about.get("unencrypted_comment_regex"):
        return None
    tests: list[tuple[bool, re.Pattern[str]]] = []
    try:
        for name, encrypts in (("unencrypted", False), ("encrypted", True)):
            if suffix := about.get(f"{name}_suffix"):
                tests.append((encrypts, re.compile(f"{re.escape(str(suffix))}$")))
        for name, encrypts in (("unencrypted", False), ("encrypted", True)):
            if pattern := about.get(f"{name}_regex"):
                tests.append((encrypts, re.compile(str(pattern))))
    except re.error:
        return None

    def encrypted(path: KeyPath) -> bool:
        result = True
        for encrypts, pattern in tests:
            found = any(pattern.search(key) for key in path if isinstance(key, str))
            result = found if encrypts else (result and not found)
        return result

    return encrypted


def _is_sealed(leaf: Any) -> bool:
    return isinstance(leaf, str) and _SEALED.fullmatch(leaf) is not None


def _without_comments(tree: Any) -> Any:
    """Without the comments that sops keeps as items of lists."""
    if isinstance(tree, dict):
        return {key: _without_comments(value) for key, value in cast("dict[str, Any]", tree).items()}
    if isinstance(tree, list):
        return [_without_comments(item) for item in cast("list[object]", tree) if not _is_comment(item)]
    return tree


def _is_comment(leaf: Any) -> bool:
    found = _SEALED.fullmatch(leaf) if isinstance(leaf, str) else None
    return found is not None and found[1] == "comment"


def _maps(value: Any) -> list[Mapping[str, Any]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, dict)]


def _entries(value: Any) -> list[str | int]:
    """The keys of a map, the indices of a list."""
    if isinstance(value, Mapping):
        return list(cast("Mapping[str, Any]", value))
    return list(range(len(cast("list[object]", value)))) if isinstance(value, list) else []


def _missing(what: str, remedy: str) -> MissingSecret:
    return MissingSecret(what, remedy=remedy, layer=Layer.FILE)
