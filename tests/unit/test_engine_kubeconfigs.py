"""Kubeconfigs are read as kubectl reads them, and ours are nobody else's to read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.engine import kubeconfigs
from hubfleet.errors import CloudError, Layer
from tests.unit.kube_api import KUBECONFIG, kubeconfig_file


def read(file: Path | None, context: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(kubeconfigs.read(file, context))
    return found


def refused(file: Path | None, context: str | None = None) -> CloudError:
    with pytest.raises(CloudError) as error:
        kubeconfigs.read(file, context)
    assert (error.value.layer, error.value.exit_code) == (Layer.CREDENTIAL, 5)
    return error.value


def test_the_context_is_the_files_own_unless_one_is_named(tmp_path: Path) -> None:
    file = kubeconfig_file(tmp_path)
    assert read(file)["current-context"] == "one"
    assert read(file, "two")["current-context"] == "two"


def test_a_context_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    error = refused(kubeconfig_file(tmp_path), "three")
    assert "'three'" in error.what
    assert "one, two" in error.remedy


def test_a_file_without_a_current_context_asks_for_one(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(KUBECONFIG.replace("current-context: one\n", ""))
    assert "no current context" in refused(file).what


@pytest.mark.parametrize("text", ["", "a: b", "- 1", "{", "contexts: 3", "contexts: [3]", "\0"])
def test_what_is_no_kubeconfig_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    refused(tmp_path / "config")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b"\xff\xfe\x00")
    refused(tmp_path / "config")


def test_a_broken_file_is_told_without_what_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / "config").write_text('users: [{user: {token: s3cret, "x}}]')
    error = refused(tmp_path / "config")
    assert "not YAML" in error.why
    assert "s3cret" not in str(error)
    assert error.__cause__ is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "nowhere")
    assert "nowhere" in error.what
    assert "No such file" in error.why


def test_left_out_it_is_the_first_of_kubeconfig_else_the_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = kubeconfig_file(tmp_path)
    monkeypatch.setenv("KUBECONFIG", f"{file}:/nowhere")
    assert read(None)["current-context"] == "one"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(tmp_path / ".kube" / "config") in refused(None).what


def test_files_that_it_names_are_found_from_anywhere(tmp_path: Path) -> None:
    config = yaml.safe_load(KUBECONFIG)
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    config["users"][0]["user"] |= {"client-certificate": "/abs/me.crt", "client-key": "keys/me.key"}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    found = read(tmp_path / "config")
    assert found["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    user = found["users"][0]["user"]
    assert (user["client-certificate"], user["client-key"]) == ("/abs/me.crt", str(tmp_path / "keys" / "me.key"))


def test_a_private_file_is_ours_alone_and_goes() -> None:
    with kubeconfigs.private_file("text") as file:
        assert file.read_text() == "text"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not file.parent.exists()


def test_writing_replaces_what_others_could_read(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config"
    kubeconfigs.write_private(file, "old")
    file.chmod(0o644)
    kubeconfigs.write_private(file, "new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o600)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "config" / "x").mkdir(parents=True)
    with pytest.raises(OSError, match="config"):
        kubeconfigs.write_private(tmp_path / "config", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["config"]
