"""What sops answers, in our words: never in its own where these could hold a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.spec import MissingSecret
from hubfleet.tools import sops
from hubfleet.tools.process import Scripted
from tests.unit.test_spec_sops import WHOLE

HUSH = "hush-0123456789"
PROGRAM = Path("/opt/sops")
BARRED = """Failed to get the data key required to decrypt the SOPS file.

Group 0: FAILED
  age1abc: FAILED
    - | failed to load age identities: AGE-SECRET-KEY-1QQQQ is
      | malformed.

Recovery failed"""


def encrypted(folder: Path) -> Path:
    """A file that looks encrypted."""
    file = folder / "main.yaml"
    file.write_text(WHOLE)
    return file


def fails(folder: Path, code: int, stderr: str, stdout: str = "") -> MissingSecret:
    """The error of a sops that ends so."""
    run = Scripted()
    run.answer([str(PROGRAM)], stdout, code=code, stderr=stderr)
    with pytest.raises(MissingSecret) as caught:
        sops.decrypt(encrypted(folder), program=PROGRAM, run=run)
    return caught.value


def test_a_file_is_decrypted_to_standard_output(tmp_path: Path) -> None:
    run = Scripted()
    run.answer([str(PROGRAM), "--decrypt"], stdout='{"n": 5}')
    file = encrypted(tmp_path)
    assert sops.decrypt(file, program=PROGRAM, run=run) == {"n": 5}
    assert run.calls == [
        (str(PROGRAM), "--decrypt", "--input-type", "yaml", "--output-type", "json", str(file.resolve()))
    ]


def test_no_key_tells_for_whom_it_is_encrypted_and_what_sops_tried(tmp_path: Path) -> None:
    what = fails(tmp_path, 128, BARRED).what
    assert "it is encrypted for age age1abc (sops: failed to load age identities: •••• is malformed.)" in what


@pytest.mark.parametrize(
    ("code", "says"),
    [(25, "not as sops wrote it"), (51, "its MAC"), (52, "its MAC"), (1, "exit code 1"), (4, "code 4")],
)
def test_what_sops_says_of_values_is_told_by_nobody(tmp_path: Path, code: int, says: str) -> None:
    error = fails(tmp_path, code, f"Input string {HUSH} does not match sops' data format")
    assert says in error.what
    told = "".join(map(repr, [str(error), error.__cause__, error.__context__]))
    assert HUSH not in told


def test_an_answer_that_is_no_json_is_told_by_nobody(tmp_path: Path) -> None:
    error = fails(tmp_path, 0, "", stdout=HUSH)
    assert "can be read" in error.what
    assert HUSH not in repr([str(error), error.__cause__, error.__context__])


def test_a_program_that_is_named_and_not_there_is_told() -> None:
    with pytest.raises(MissingSecret, match="HUBFLEET_SOPS is /nowhere, which is no program"):
        sops.find({"HUBFLEET_SOPS": "/nowhere", "PATH": "/bin"})
