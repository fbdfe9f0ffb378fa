"""Other people's programs: run to their end, masked, and never left behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from hubfleet.tools import process
from hubfleet.tools.process import ProcessFailed, Scripted, run


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_a_program_that_ends_well_gives_its_output() -> None:
    done = run(
        python("import sys; print(sys.stdin.read().upper()); print('hm', file=sys.stderr)"), input="a", timeout=30
    )

    assert (done.stdout, done.stderr) == ("A\n", "hm\n")


def test_the_environment_is_exactly_what_was_given() -> None:
    done = run(python("import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"), env={"ONLY": "1"}, timeout=30)

    assert done.stdout == "['ONLY']\n"


def test_a_program_that_fails_raises_with_command_code_and_the_end_of_its_errors() -> None:
    code = "import sys; print('x' * 5000 + 'the end', file=sys.stderr); sys.exit(3)"

    with pytest.raises(ProcessFailed) as caught:
        run(python(code), timeout=30)
    assert caught.value.code == 3
    assert caught.value.argv[0] == sys.executable
    assert caught.value.stderr.endswith("the end")
    assert len(caught.value.stderr) < 2100


def test_secrets_are_masked_in_errors() -> None:
    with pytest.raises(ProcessFailed) as caught:
        run([*python("import sys; sys.exit('no: ' + sys.argv[1])"), "hunter2"], timeout=30, secrets=["hunter2", ""])
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in " ".join(caught.value.argv)
    assert "no: ••••" in str(caught.value)


def test_a_program_that_is_not_there_is_named_with_a_remedy() -> None:
    with pytest.raises(ProcessFailed, match="`no-such-program` is not there") as caught:
        run(["no-such-program", "-x"], timeout=30)
    assert "PATH" in caught.value.remedy


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

    with pytest.raises(ProcessFailed, match="did not end within 3 s"):
        run(python(code), timeout=3)
    deadline = time.monotonic() + 10
    while not gone(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(int(note.read_text()))


def test_all_running_programs_can_be_ended_from_another_thread() -> None:
    began, failures = time.monotonic(), []

    def long() -> None:
        try:
            run(python("print('here', flush=True); import time; time.sleep(600)"), timeout=600)
        except ProcessFailed as failure:
            failures.append(failure)

    thread = threading.Thread(target=long)
    thread.start()
    while thread.is_alive() and time.monotonic() - began < 60:
        process.end_all()
        thread.join(0.05)
    assert len(failures) == 1


def test_a_program_on_the_terminal_gives_its_exit_code() -> None:
    assert process.on_terminal(python("import sys; sys.exit(7)"), env=dict(os.environ)) == 7


def test_a_program_on_the_terminal_that_a_signal_ended_gives_128_and_its_number() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    assert process.on_terminal(python(code), env=dict(os.environ)) == 137


def test_a_scripted_run_answers_what_it_was_told_and_refuses_the_rest() -> None:
    scripted = Scripted()
    scripted.answer(["helm", "list"], "[]")
    scripted.answer(["helm", "upgrade"], stderr="no", code=1)

    assert scripted(["helm", "list", "-A"], timeout=1).stdout == "[]"
    with pytest.raises(ProcessFailed):
        scripted(["helm", "upgrade"], timeout=1)
    with pytest.raises(AssertionError, match="helm delete"):
        scripted(["helm", "delete"], timeout=1)
    assert scripted.calls == [("helm", "list", "-A"), ("helm", "upgrade")]


def test_a_process_knows_when_it_began_before_its_first_import() -> None:
    code = "import time; time.sleep(0.3); from hubfleet.tools import process; print(time.monotonic() - process.began())"
    before = time.monotonic()
    age = float(run(python(code), timeout=30).stdout)
    assert 0.28 <= age <= time.monotonic() - before + 0.02


def test_a_secret_is_masked_also_where_the_cut_goes_through_it() -> None:
    secret = "".join(f"{number:04}" for number in range(1000))
    code = f"import sys; sys.exit('x' * 5000 + {secret!r})"
    with pytest.raises(ProcessFailed) as caught:
        run(python(code), timeout=30, secrets=[secret])
    assert caught.value.stderr.endswith("xx••••")


@pytest.mark.parametrize(
    "told",
    [
        "a-secret",
        '"say \\"a\\""',
        "of several",
        "  lines: and\n",
        "YS1zZWNyZXQ=",
        "c2F5ICJhIg==",
        "ü-ü-ü",
        "\\u00fc-\\u00fc-\\u00fc",
    ],
)
def test_a_secret_is_masked_however_a_program_tells_it(told: str) -> None:
    secrets = ["a-secret", 'say "a"', "of several\n  lines: and\nx\n", "ü-ü-ü"]
    masked = process.masker(secrets)(f"x: {told} y")
    assert "••••" in masked
    assert process.masker(secrets)("x of a y") == "x of a y"


def test_no_program_gets_an_environment_variable_that_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_withheld", set[str]())
    monkeypatch.setenv("HUSH", "hunter2")
    process.withhold(["HUSH", "PATH"])
    show = python("import os; print(os.environ.get('HUSH'), 'PATH' in os.environ)")
    assert run(show, timeout=30).stdout == "None True\n"
    assert run(show, timeout=30, env=os.environ).stdout == "None True\n"
    assert process.on_terminal(python("import os, sys; sys.exit('HUSH' in os.environ)"), env=os.environ) == 0


def test_what_is_done_meanwhile_ends_the_program_by_raising(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "LOOK", 0.05)
    looks: list[str] = []

    def look() -> None:
        looks.append("")
        if (tmp_path / "pid").exists():
            raise KeyError("enough")

    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(KeyError, match="enough"):
        run(python(code), timeout=30, meanwhile=look)
    assert looks
    assert gone(int((tmp_path / "pid").read_text() or 0))


def test_while_something_is_done_meanwhile_nothing_of_input_and_output_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOOK", 0.05)
    code = "import sys, time; time.sleep(0.5); text = sys.stdin.read(); time.sleep(0.3); print(text, end='')"
    text = "x" * 1_000_000
    assert run(python(code), input=text, timeout=30, meanwhile=lambda: None).stdout == text


def test_a_program_that_takes_too_long_is_ended_whatever_is_done_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOOK", 0.05)
    with pytest.raises(ProcessFailed, match=r"did not end within 0\.3 s"):
        run(python("import time; time.sleep(60)"), timeout=0.3, meanwhile=lambda: None)
