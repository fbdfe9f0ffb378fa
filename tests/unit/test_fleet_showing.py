"""show: what a hub's chart gets, and which line set each value."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from hubfleet import fleet
from hubfleet.cli import showing
from hubfleet.cli.app import hubfleet
from hubfleet.errors import UsageError
from hubfleet.spec.problems import parsed, written
from tests.unit.magnum_files import load


def lines(shown: fleet.Shown) -> list[str]:
    return [click.unstyle(line) for line in showing.lines(shown)]


AUTH = "auth: {github: {client_id: abc, client_secret: '${env:GITHUB}', allowed_users: [ada]}}"
VALUES = """
    values:
      hub:
        config: {JupyterHub: {token: "${file:token.txt}"}}
        extraConfig:
          10-own: |
            c.X = 1

            c.Y = "# no comment"
        args: [%s]
      "a.b": {"c d": [1, 2]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A cluster file with a hub whose secrets nobody has."""
    found = load(tmp_path).file
    text = found.read_text().replace("auth:\n      shared_password: {}", AUTH)
    assert AUTH in text
    found.write_text(text.rstrip() + VALUES % ", ".join(f"--option-{n}" for n in range(20)))
    return found


def test_the_comment_of_each_value_names_the_line_that_set_it(file: Path) -> None:
    said = lines(fleet.show(fleet.load(file), key="hub.config.JupyterHub"))
    assert said[0].split("#")[0].rstrip() == "authenticator_class: github"
    assert said[0].endswith("from hubs.main.auth")
    number = file.read_text().splitlines().index('        config: {JupyterHub: {token: "${file:token.txt}"}}') + 1
    assert said[1].endswith(f"# {file}:{number}")


def test_what_it_prints_is_yaml_of_the_same_values_as_its_json(file: Path) -> None:
    shown = fleet.show(fleet.load(file))
    assert yaml.safe_load("\n".join(lines(shown))) == shown.value


def test_a_secret_is_shown_by_where_it_comes_from_and_needs_not_be_there(file: Path) -> None:
    value = fleet.show(fleet.load(file), "main").value
    assert value["hub"]["config"]["GitHubOAuthenticator"]["client_secret"] == "${env:GITHUB}"
    assert value["hub"]["config"]["JupyterHub"]["token"] == "${file:token.txt}"


def test_a_key_may_be_in_quotes_and_in_a_list(file: Path) -> None:
    target = fleet.load(file)
    assert fleet.show(target, key='"a.b"."c d"[1]').value == 2
    assert lines(fleet.show(target, key="hub.args[1]"))[0].startswith("- --option-1 ")


@pytest.mark.parametrize(
    ("hub", "key", "words"),
    [
        ("man", "", 'did you mean "main"'),
        ("main", "hub.confg", 'did you mean "config"'),
        ("main", "hub.args[99]", "hub.args has no 99"),
        ("main", "hub.args.x", "it is no map"),
        ("main", "hub..x", "is no path of a key"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(file: Path, hub: str, key: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        fleet.show(fleet.load(file), hub, key)
    assert words in str(error.value)


def test_of_several_hubs_one_must_be_named(file: Path) -> None:
    file.write_text(file.read_text() + "  other: {domain: o.example.org, auth: {shared_password: {}}}\n")
    ran = CliRunner().invoke(hubfleet, ["show", str(file)])
    assert isinstance(ran.exception, UsageError)
    assert ran.exception.remedy == "say which: --hub main"
    assert CliRunner().invoke(hubfleet, ["show", str(file), "domain", "--hub", "other"]).exit_code != 0
    assert CliRunner().invoke(hubfleet, ["show", str(file), "cull.every", "--hub", "other", "--json"]).output == "600\n"


@pytest.mark.parametrize("text", ["hub", "hub.config", 'hub."a.b"', "hub.args[0].x", '"a[0]"'])
def test_a_path_is_read_as_it_is_written(text: str) -> None:
    assert written(parsed(text)) == text


@pytest.mark.parametrize("text", [".", "a.", "a b..c", "[0", "a]", 'a"b"', "a.[0]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parsed(text)
