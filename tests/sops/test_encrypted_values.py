"""Values that the real sops has encrypted: known without a key, of their own types with one, and never shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hubfleet.hubs import schemas
from hubfleet.spec import Cluster, InvalidFiles, Secret, own_values, resolve, reveal
from hubfleet.tools.sops import Files
from tests.sops.encrypting import Vault
from tests.unit.cluster_files import hub, load, problems
from tests.unit.hub_files import describe

HUSH = "hush-0123456789"
TREE = f"""\
hub:
  config:
    # not for everybody
    token: {HUSH}
    port: 8443
    rate: 1.5
    debug: true
    day: 2026-11-25
    nothing: null
    empty: ""
    list:
      # a comment in a list
      - {HUSH}-a
      - {{name: {HUSH}-b, size: 3}}
    "a.b": {HUSH}-c
    open_unencrypted: hello
  extraConfig: |
    line one {HUSH}
    line two
"""


def in_clear(cluster: Cluster, decrypt: Files | None = None) -> dict[str, object]:
    """What Helm would get of the hub's own values."""
    resolved = resolve(cluster, {}, decrypt=(decrypt or Files()).decrypted)
    return reveal(own_values(resolved, "main"))[0]


def told(cluster: Cluster) -> list[str]:
    """What resolving it says is wrong: "file:line: what", without the folder."""
    with pytest.raises(InvalidFiles) as caught:
        in_clear(cluster)
    assert HUSH not in str(caught.value)
    assert HUSH not in repr([caught.value.__cause__, caught.value.__context__])
    folder = f"{cluster.file.parent}/"
    return [
        f"{one.position.file.name}:{one.position.line}: {one.what}".replace(folder, "") for one in caught.value.problems
    ]


def with_file(folder: Path, name: str = "main.secret.yaml") -> Cluster:
    """A cluster whose hub has this values file."""
    return load(folder, hub(values_files=[name]))


def test_an_encrypted_file_is_read_without_key_and_without_sops(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", TREE)
    monkeypatch.setenv("HUBFLEET_SOPS", "/nowhere")
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", "/nowhere")
    cluster = with_file(tmp_path)
    values = cluster.hubs["main"].values_files[0].values
    assert set(values) == {"hub"}
    config = values["hub"]["config"]
    assert str(config["token"]) == "${sops:main.secret.yaml#hub.config.token}"
    assert str(config["a.b"]) == '${sops:main.secret.yaml#hub.config."a.b"}'
    assert [type(config[key]) for key in ("port", "list", "nothing", "open_unencrypted")] == [
        Secret,
        list,
        type(None),
        str,
    ]
    assert cluster.position("hubs", "main", "values_files", 0, "hub", "config", "port").line == 5


def test_decrypted_values_come_with_their_types(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", TREE)
    assert in_clear(with_file(tmp_path)) == {
        "hub": {
            "config": {
                "token": HUSH,
                "port": 8443,
                "rate": 1.5,
                "debug": True,
                "day": "2026-11-25T00:00:00Z",
                "nothing": None,
                "empty": "",
                "list": [f"{HUSH}-a", {"name": f"{HUSH}-b", "size": 3}],
                "a.b": f"{HUSH}-c",
                "open_unencrypted": "hello",
            },
            "extraConfig": f"line one {HUSH}\nline two\n",
        }
    }


def test_a_number_that_is_secret_is_shown_by_nothing(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", "hub: {config: {port: 844312, rate: 3.25}}\n")
    resolved = resolve(with_file(tmp_path), {}, decrypt=Files().decrypted)
    whole = repr(resolved) + str(resolved) + resolved.model_dump_json()
    assert "844312" not in whole
    assert "3.25" not in whole


@pytest.mark.parametrize(
    "options",
    [
        ("--encrypted-regex", "^(token|port)$"),
        ("--encrypted-suffix", "port"),
        ("--unencrypted-regex", "^(rate|debug)$"),
    ],
)
def test_what_the_rules_leave_in_clear_is_a_plain_value(vault: Vault, tmp_path: Path, options: tuple[str, ...]) -> None:
    text = "hub: {config: {port: 8443, rate: 2}}\n"
    vault.encrypt(tmp_path / "main.secret.yaml", text, *options)
    cluster = with_file(tmp_path)
    config = cluster.hubs["main"].values_files[0].values["hub"]["config"]
    assert isinstance(config["port"], Secret)
    assert config["rate"] == 2
    assert in_clear(cluster) == {"hub": {"config": {"port": 8443, "rate": 2}}}


def test_json_is_encrypted_as_well(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "main.json", json.dumps({"hub": {"config": {"token": HUSH, "port": 8443}}}))
    assert in_clear(with_file(tmp_path, "main.json")) == {"hub": {"config": {"token": HUSH, "port": 8443}}}


def test_each_file_is_decrypted_once(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", TREE)
    files = Files()
    cluster = load(
        tmp_path, hub(values_files=["main.secret.yaml"], values={"x": "${sops:./main.secret.yaml#hub.config.token}"})
    )
    in_clear(cluster, files)
    (tmp_path / "main.secret.yaml").rename(tmp_path / "gone")
    assert in_clear(cluster, files)["x"] == HUSH


def test_a_reference_leads_into_an_encrypted_file(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "shared.yaml", TREE)
    values = {
        "port": "${sops:shared.yaml#hub.config.port}",
        "text": "x-${sops:shared.yaml#hub.config.port}",
        "item": "${sops:shared.yaml#hub.config.list[0]}",
        "quoted": '${sops:shared.yaml#hub.config."a.b"}',
        "open": "${sops:shared.yaml#hub.config.open_unencrypted}",
    }
    password = "${sops:shared.yaml#hub.config.token}"
    cluster = load(tmp_path, hub(values=values, auth={"shared_password": {"user_password": password}}))
    resolved = resolve(cluster, {}, decrypt=Files().decrypted)
    shared = resolved.hubs["main"].auth.shared_password
    assert shared
    assert shared.user_password == Secret(HUSH)
    assert in_clear(cluster) == {
        "port": 8443,
        "text": "x-8443",
        "item": f"{HUSH}-a",
        "quoted": f"{HUSH}-c",
        "open": "hello",
    }


def test_a_wrong_reference_is_told_without_a_key(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "shared.yaml", TREE)
    (tmp_path / "plain.yaml").write_text("a: b\n")
    values = {
        "a": "${sops:shared.yaml#hub.config.tokn}",
        "b": "${sops:shared.yaml#hub.config}",
        "c": "${sops:nowhere.yaml#a}",
        "d": "${sops:plain.yaml#a}",
        "e": "${sops:shared.yaml#sops.mac}",
        "f": "${sops:shared.yaml}",
    }
    needs = "${sops:...} needs a file and a key in it: ${sops:PATH#hub.config.token}"
    assert [one.replace(str(tmp_path), "") for one in problems(tmp_path, hub(values={"a": values["f"]}))] == [
        f"hubs.main.values.a: {needs} — write $${{ for ${{ itself"
    ]
    del values["f"]
    a, b, c, d, e = [one.replace(f"{tmp_path}/", "") for one in problems(tmp_path, hub(values=values))]
    assert a.startswith('hubs.main.values.a: hub.config in shared.yaml has no tokn — did you mean "token"? There is ')
    assert b == "hubs.main.values.b: hub.config in shared.yaml is no single value — name a key in it"
    assert c == "hubs.main.values.c: the secrets' file nowhere.yaml: there is no such file — check the path"
    assert d.startswith("hubs.main.values.d: the file plain.yaml is not encrypted by sops — encrypt it: ")
    assert e == "hubs.main.values.e: shared.yaml has no sops — There is hub"


def test_a_password_that_is_a_number_is_told(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "shared.yaml", "password: 1234567890\n")
    cluster = load(tmp_path, hub(auth={"shared_password": {"user_password": "${sops:shared.yaml#password}"}}))
    (problem,) = told(cluster)
    assert problem.endswith("is a number or a boolean in the encrypted file, where text is needed")


def test_without_a_key_the_recipients_are_told_once_with_other_missing_secrets(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", TREE)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", "/nowhere")
    cluster = load(tmp_path, hub(values_files=["main.secret.yaml"], values={"a": "${env:NOT_THERE}"}))
    first, second = told(cluster)
    assert first.endswith("the environment variable NOT_THERE is not set")
    assert second.startswith("main.secret.yaml:4: there is no key here that decrypts main.secret.yaml; it is encrypted")
    assert f"for age {vault.recipient}" in second
    assert "failed to open SOPS_AGE_KEY_FILE file" in second


def test_a_key_that_is_in_the_environment_is_not_told(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", TREE)
    other = Vault(vault.programs, tmp_path)
    secret = next(line for line in other.key.read_text().splitlines() if line.startswith("AGE-SECRET-KEY"))
    monkeypatch.delenv("SOPS_AGE_KEY_FILE")
    for key in (secret, secret[:-1]):
        monkeypatch.setenv("SOPS_AGE_KEY", key)
        (problem,) = told(with_file(tmp_path))
        assert "there is no key here" in problem
        assert secret[:-1] not in problem


def test_without_sops_it_says_how_to_get_it(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", TREE)
    monkeypatch.delenv("HUBFLEET_SOPS")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InvalidFiles, match="the program sops is not there: it decrypts secrets — install sops"):
        in_clear(with_file(tmp_path))


def test_a_damaged_mac_is_told(vault: Vault, tmp_path: Path) -> None:
    file = vault.encrypt(tmp_path / "main.secret.yaml", TREE)
    file.write_text(file.read_text().replace("open_unencrypted: hello", "open_unencrypted: bye"))
    assert told(with_file(tmp_path)) == [
        "main.secret.yaml:4: main.secret.yaml was changed past sops, or is damaged: its MAC does not fit"
    ]


def test_a_damaged_value_is_told(vault: Vault, tmp_path: Path) -> None:
    file = vault.encrypt(tmp_path / "main.secret.yaml", f"a: {HUSH}\nb: {HUSH}\n")
    lines = file.read_text().splitlines()
    lines[0] = lines[1].replace("b:", "a:")  # each value is bound to its key
    file.write_text("\n".join(lines) + "\n")
    (problem,) = told(with_file(tmp_path))
    assert problem.startswith("main.secret.yaml:1: a value in main.secret.yaml is not as sops wrote it")


@pytest.mark.parametrize("added", [f"added: {HUSH}", "added: 12345", "added: true", f"added: [{HUSH}]"])
def test_a_value_that_was_added_by_hand_is_told_without_a_key(vault: Vault, tmp_path: Path, added: str) -> None:
    file = vault.encrypt(tmp_path / "main.secret.yaml", f"a: {HUSH}\n")
    file.write_text(f"{added}\n{file.read_text()}")
    (problem,) = problems(tmp_path, hub(values_files=["main.secret.yaml"]))
    assert "added" in problem
    assert "stands here in clear, in a file that sops has encrypted" in problem
    assert HUSH not in problem
    with pytest.raises(subprocess.CalledProcessError):
        vault.sops("decrypt", str(file))  # sops sees it so, too


def test_a_value_added_by_hand_where_the_rules_leave_it_in_clear_is_told_by_its_mac(
    vault: Vault, tmp_path: Path
) -> None:
    file = vault.encrypt(tmp_path / "main.secret.yaml", f"password: {HUSH}\n", "--encrypted-regex", "^pass")
    file.write_text(f"name: new\n{file.read_text()}")
    (problem,) = told(with_file(tmp_path))
    assert problem.endswith("its MAC does not fit")


def test_a_file_that_is_encrypted_as_a_whole_is_told(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", TREE, "--input-type", "binary")
    (problem,) = problems(tmp_path, hub(values_files=["main.secret.yaml"]))
    assert "the file is encrypted as a whole, as binary: no key in it is known" in problem
    vault.encrypt(tmp_path / "main.enc", TREE)  # of a name that sops does not know it takes the whole
    assert "as binary" in problems(tmp_path, hub(values_files=["main.enc"]))[0]


def test_a_change_of_an_encrypted_value_is_seen_without_a_key(vault: Vault, tmp_path: Path) -> None:
    file = vault.encrypt(tmp_path / "main.secret.yaml", TREE)
    text = {"values": {"x": "${sops:main.secret.yaml#hub.config.port}"}, "values_files": ["main.secret.yaml"]}
    before = own_values(load(tmp_path, hub(**text)), "main")
    vault.sops("set", str(file), '["hub"]["config"]["port"]', "9443")
    after = own_values(load(tmp_path, hub(**text)), "main")
    assert (before["x"] == after["x"], before["hub"]["config"]["port"] == after["hub"]["config"]["port"]) == (
        False,
        False,
    )
    assert before["hub"]["config"]["token"] == after["hub"]["config"]["token"]
    assert before["hub"]["config"]["list"] == after["hub"]["config"]["list"]


def test_pgp_decrypts_as_well(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpg = shutil.which("gpg")
    assert gpg, "these tests need gpg (Debian: gnupg)"
    home = Path("/tmp") / f"hf-gpg-{os.getpid()}"  # its agent's socket needs a short path
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    words = [
        gpg,
        "--batch",
        "--passphrase",
        "",
        "--quick-generate-key",
        "ada@example.org",
        "default",
        "default",
        "never",
    ]
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=120)
        listed = subprocess.run(
            [gpg, "--list-keys", "--with-colons"], check=True, capture_output=True, text=True, timeout=30
        )
        fingerprint = next(line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("fpr"))
        vault.encrypt(tmp_path / "main.secret.yaml", TREE, "--pgp", fingerprint, env={"GNUPGHOME": str(home)})
        assert in_clear(with_file(tmp_path))["hub"]["config"]["port"] == 8443  # type: ignore[index]
        monkeypatch.setenv("GNUPGHOME", str(tmp_path / "nowhere"))
        (problem,) = told(with_file(tmp_path))
        assert f"it is encrypted for pgp {fingerprint}" in problem
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True, timeout=30)
        shutil.rmtree(home)


def test_what_a_schema_says_of_an_encrypted_number_is_checked_without_a_key(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt(tmp_path / "main.secret.yaml", "cull: {timeout: 600, enabled: nonsense}\n")
    cluster = load(tmp_path, hub(chart="lite", values_files=["main.secret.yaml"]))
    found = schemas.check(cluster, describe(cluster)).problems
    assert [(one.key, one.position.line) for one in found] == [("cull.enabled", 3)]
