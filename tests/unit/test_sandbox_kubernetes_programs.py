from pathlib import Path

import pytest

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import programs

GO = """#!/bin/sh
case "$1" in
env) echo {version} ;;
mod) ;;
build)
    {fails}
    test "$CGO_ENABLED" = 0 || exit 9
    while test "$1" != -o; do shift; done
    for name in kube kubectl helm; do echo '#!/bin/sh' > "$2/$name"; chmod +x "$2/$name"; done ;;
esac
"""


def install_go(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str = "go1.26.8", fails: str = "") -> None:
    folder.mkdir(exist_ok=True)
    (folder / "go").write_text(GO.format(version=version, fails=fails))
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def silent(_: str) -> None:
    pass


def test_programs_are_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_go(tmp_path / "go", monkeypatch)
    said: list[str] = []
    assert not programs.cached(tmp_path / "cache")
    first = programs.get(tmp_path / "cache", said.append)
    assert {path.name for path in first.iterdir() if not path.name.startswith(".")} == set(programs.NAMES)
    assert said
    said.clear()
    assert programs.cached(tmp_path / "cache")
    assert programs.get(tmp_path / "cache", said.append) == first
    assert said == []


def test_another_go_builds_them_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_go(tmp_path / "go", monkeypatch)
    before = programs.made_from()
    install_go(tmp_path / "go", monkeypatch, version="go1.27.0")
    assert programs.made_from() != before


def test_a_go_that_is_too_old_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_go(tmp_path / "go", monkeypatch, version="go1.19.8")
    assert programs.made_from()["go"] != "go1.19.8"


def test_a_build_that_fails_says_why_and_leaves_nothing_to_be_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_go(tmp_path / "go", monkeypatch, fails="echo no space left on device; exit 1")
    with pytest.raises(SandboxError, match="no space left on device"):
        programs.get(tmp_path / "cache", silent)
    assert not programs.cached(tmp_path / "cache")


@pytest.mark.parametrize("wanted", ["v1.31.9", "v1.32.8", "v1.34.4"])
def test_programs_can_say_that_they_are_an_older_minor(wanted: str) -> None:
    assert list(programs.posing(wanted).values()) == [wanted]
    assert programs.posing("") == {}


@pytest.mark.parametrize("wanted", ["v1.30.4", "v1.35.0"])
def test_a_version_that_they_cannot_be_is_refused_with_those_that_they_can(wanted: str) -> None:
    with pytest.raises(SandboxError, match=rf"no Kubernetes {wanted}") as error:
        programs.posing(wanted)
    assert "from 1.31 to 1.34" in error.value.why


def test_the_version_is_the_one_that_go_mod_pins() -> None:
    assert programs.version().startswith("v1.34.")
