"""A file that sops has encrypted says, without a key, which keys it has and who can decrypt it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.spec import Secret, doubts, resolve
from hubfleet.spec.secrets import MissingSecret
from hubfleet.spec.sops import is_encrypted, recipients
from tests.unit.cluster_files import hub, load, problems

IN_CLEAR = {"a": {"b": "hush-0123456789"}, "n": 5, "name_unencrypted": "x"}


def enc(kind: str = "str") -> str:
    """A value as sops writes it."""
    return f"ENC[AES256_GCM,data:0Adx,iv:n9CI=,tag:CpGZ==,type:{kind}]"


def encrypted(text: str, rules: str = "unencrypted_suffix: _unencrypted") -> str:
    """A file with this text, and the map of sops with these rules."""
    keys = "age: [{recipient: age1abc, enc: x}]"
    return f"{text}\nsops: {{{keys}, lastmodified: 2026-11-25T16:00:00Z, mac: '{enc()}', {rules}}}\n"


WHOLE = encrypted(f"a: {{b: '{enc()}'}}\nn: '{enc('int')}'\nname_unencrypted: x")


def write(folder: Path, text: str, **more: Any) -> dict[str, Any]:
    """A hub with this text as its values file."""
    (folder / "main.yaml").write_text(text)
    return hub(values_files=["main.yaml"], **more)


def test_encrypted_values_become_references_and_others_stay(tmp_path: Path) -> None:
    values = load(tmp_path, write(tmp_path, WHOLE)).hubs["main"].values_files[0].values
    assert str(values["a"]["b"]) == "${sops:main.yaml#a.b}"
    assert isinstance(values["n"], Secret)
    assert {key for key in values if key not in {"a", "n"}} == {"name_unencrypted"}


def test_they_are_looked_up_by_whoever_is_given_for_it_once_a_file(tmp_path: Path) -> None:
    asked: list[Path] = []

    def decrypt(file: Path) -> dict[str, Any]:
        asked.append(file)
        return IN_CLEAR

    cluster = load(tmp_path, write(tmp_path, WHOLE, values={"x": "${sops:main.yaml#n}"}))
    found = resolve(cluster, {}, decrypt=decrypt).hubs["main"]
    assert found.values_files[0].values["a"]["b"].value == "hush-0123456789"
    assert (found.values["x"].value, found.values["x"].reveal()) == (5, "5")
    assert len(asked) == 1


def test_nobody_decrypts_who_was_not_given(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nobody was given"):
        resolve(load(tmp_path, write(tmp_path, WHOLE)), {})


def test_what_cannot_be_decrypted_is_told_once_a_file_with_the_line(tmp_path: Path) -> None:
    def decrypt(file: Path) -> dict[str, Any]:
        raise MissingSecret(f"no key for {file.name}")

    with pytest.raises(Exception, match=r"^\S+main.yaml:1:5: a.b: no key for main.yaml\n1 problem"):
        resolve(load(tmp_path, write(tmp_path, WHOLE)), {}, decrypt=decrypt)


@pytest.mark.parametrize(
    ("line", "rules", "says"),
    [
        ("a: clear", "unencrypted_suffix: _u", "a: stands here in clear, in a file that sops has encrypted"),
        ("a: {b: [1]}", "unencrypted_suffix: _u", "a.b[0]: stands here in clear"),
        ("a_u: {b: 1}", "unencrypted_suffix: _u", ""),
        ("a: {b_s: 1}", "encrypted_suffix: _s", "a.b_s: stands here in clear"),
        ("a: {pass: 1, b: 2}", "encrypted_regex: '^(pass|token)$'", "a.pass: stands here in clear"),
        ("a: {name: 1}", "unencrypted_regex: '^name$'", ""),
        (f"a: '{enc()}'", "encrypted_regex: '^b$'", "a: is encrypted where the rules"),
        ("a: 'ENC[AES256_GCM,data:0A'", "version: 3.13.3", "a: is not as sops wrote it: it is damaged"),
        ("a: {pass: 1}", "encrypted_regex: '(?<bad'", ""),
        ("a: {pass: 1}", "encrypted_comment_regex: secret", ""),
        ("a: {b: null, c: '', d: {}, e: []}", "version: 3.13.3", ""),
        (f"data: '{enc()}'", "version: 3.13.3", "the file is encrypted as a whole"),
    ],
)
def test_what_sops_would_not_decrypt_is_told_by_the_files_own_rules(
    tmp_path: Path, line: str, rules: str, says: str
) -> None:
    found = problems(tmp_path, write(tmp_path, encrypted(line, rules)))
    assert [one.startswith(says) for one in found] == [True] * bool(says)


def test_whose_keys_decrypt_it() -> None:
    group = {"pgp": [{"fp": "ABC"}], "kms": [{"arn": "arn:aws:kms:x"}]}
    azure = {"vault_url": "https://v", "name": "k", "version": "1"}
    about = {"age": [{"recipient": "age1abc"}], "azure_kv": [azure], "key_groups": [group, {"age": None}]}
    assert recipients({"sops": about}) == ("age age1abc", "azure_kv https://v/k/1", "pgp ABC", "kms arn:aws:kms:x")


@pytest.mark.parametrize("tree", [{"sops": "x"}, {"sops": {"age": []}}, {"a": 1}])
def test_a_key_named_sops_alone_makes_no_encrypted_file(tree: dict[str, Any]) -> None:
    assert not is_encrypted(tree)


@pytest.mark.parametrize(
    ("name", "text", "doubted"),
    [
        ("main.secret.yaml", "a: b\n", True),
        ("enc-main.yaml", "a: b\n", True),
        ("Secrets.yaml", WHOLE, False),
        ("main.secret.yaml", "a: ${env:TOKEN}\n", False),
        ("main.yaml", "a: b\n", False),
    ],
)
def test_a_file_whose_name_says_secret_and_that_is_in_clear_is_doubted(
    tmp_path: Path, name: str, text: str, doubted: bool
) -> None:
    (tmp_path / name).write_text(text)
    found = list(doubts(load(tmp_path, hub(values_files=[name]))))
    assert [f"{name} says secret" in one.what for one in found] == [True] * doubted
