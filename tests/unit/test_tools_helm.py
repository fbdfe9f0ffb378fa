"""The door to Helm: values by standard input, errors in words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.tools.helm import Helm, find
from hubfleet.tools.helm_errors import BadValues, Complaint
from hubfleet.tools.process import Scripted

HELM = "/bin/helm"
CHART = Path("/charts/lite")


def helm(run: Scripted, cache: Path = Path("/cache"), **options: object) -> Helm:
    return Helm(Path("/kubeconfig"), program=Path(HELM), cache=cache, run=run, **options)  # type: ignore[arg-type]


def failing(stderr: str, verb: str = "upgrade") -> Helm:
    run = Scripted()
    run.answer([HELM, verb], stderr=stderr, code=1)
    return helm(run)


def install(subject: Helm, **secrets: str) -> None:
    subject.upgrade_install(
        "main", "main", CHART, {"hub": secrets}, {"b": "2", "a": "1"}, secrets=tuple(secrets.values())
    )


def test_values_and_secrets_never_stand_in_the_arguments() -> None:
    run = Scripted()
    run.answer([HELM, "upgrade"])
    install(helm(run, context="prod"), password="s3cret")
    (words,), (given,) = run.calls, run.inputs
    assert "s3cret" not in " ".join(words)
    assert json.loads(given or "") == {"hub": {"password": "s3cret"}}
    assert {"--kubeconfig", "/kubeconfig", "--kube-context", "prod", "a=1,b=2"} <= set(words)


def test_the_program_is_the_one_that_the_environment_names(tmp_path: Path) -> None:
    program = tmp_path / "my-helm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find({"HUBFLEET_HELM": str(program), "PATH": ""}) == program


@pytest.mark.parametrize("environment", [{"PATH": "/nowhere"}, {"PATH": "/nowhere", "HUBFLEET_HELM": "/nowhere/helm"}])
def test_without_helm_one_is_told_how_to_get_it(environment: dict[str, str]) -> None:
    with pytest.raises(HubfleetError) as error:
        find(environment)
    assert "helm.sh" in error.value.remedy
    assert error.value.layer is Layer.HERE


@pytest.mark.parametrize(
    ("said", "version"), [("v3.19.5", "3.19.5"), ("v3.13.0+g1234", "3.13.0+g1234"), ("v4.0.1", "4.0.1")]
)
def test_a_helm_that_is_new_enough_is_taken(said: str, version: str) -> None:
    run = Scripted()
    run.answer([HELM, "version"], said + "\n")
    assert helm(run).version() == version


@pytest.mark.parametrize("said", ["v3.12.3", "v2.17.0", "", "banana"])
def test_a_helm_that_is_too_old_is_refused_by_its_version(said: str) -> None:
    run = Scripted()
    run.answer([HELM, "version"], said)
    with pytest.raises(HubfleetError, match=said or "unknown") as error:
        helm(run).version()
    assert "3.13" in error.value.why


def test_what_the_schema_refuses_is_told_key_by_key() -> None:
    said = """Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the following chart(s):
lite:
- at '/hub': additional properties 'nodeSelektor', 'foo' not allowed
- at '/singleuser/startTimeout': minimum: got 0, want 1
"""
    with pytest.raises(BadValues) as error:
        install(failing(said))
    assert error.value.complaints == (
        Complaint(("hub", "nodeSelektor"), "the chart knows no such key", "lite"),
        Complaint(("hub", "foo"), "the chart knows no such key", "lite"),
        Complaint(("singleuser", "startTimeout"), "minimum: got 0, want 1", "lite"),
    )
    assert error.value.exit_code == 2
    assert "hub.nodeSelektor" in str(error.value)


def test_what_a_sub_chart_refuses_is_told_where_it_stands_in_the_whole() -> None:
    said = """Error: values don't meet the specifications of the schema(s) in the following chart(s):
binderhub:
- at '/registry': additional properties 'ulr' not allowed
jupyterhub:
- at '/hub': additional properties 'imag' not allowed
"""
    with pytest.raises(BadValues, match="the chart binderhub and jupyterhub") as error:
        install(failing(said))
    paths = [one.under("binderhub") for one in error.value.complaints]
    assert paths == [("registry", "ulr"), ("jupyterhub", "hub", "imag")]


def test_the_words_of_an_older_helm_are_understood_too() -> None:
    said = """Error: values don't meet the specifications of the schema(s) in the following chart(s):
jupyterhub:
- (root): Additional property jupyterhub is not allowed
- hub.db: Additional property typ is not allowed
- cull.enabled: Invalid type. Expected: boolean, given: string
"""
    with pytest.raises(BadValues) as error:
        install(failing(said))
    assert [one.path for one in error.value.complaints] == [("jupyterhub",), ("hub", "db", "typ"), ("cull", "enabled")]


NO_REPOSITORY = (
    'looks like "https://charts.test/" is not a valid chart repository or cannot be reached: Get '
    '"https://charts.test/index.yaml": dial tcp: lookup charts.test: no such host'
)
KNOWN = {
    NO_REPOSITORY: (Layer.CHART, "cannot be had from its repository"),
    "Kubernetes cluster unreachable: Get x: dial tcp: connection refused": (Layer.KUBERNETES, "cannot reach"),
    "UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress": (Layer.HELM, "somebody else"),
    "Secret x exists and cannot be imported into the current release: invalid ownership": (Layer.HELM, "belongs"),
    "UPGRADE FAILED: pre-upgrade hooks failed: timed out waiting for the condition": (Layer.CHART, "in time"),
    "execution error at (jupyterhub/templates/NOTES.txt:1:2): auth is gone": (Layer.CHART, "rendered"),
    "something never seen": (Layer.HELM, "helm upgrade failed"),
}


@pytest.mark.parametrize("said", KNOWN)
def test_an_error_names_its_layer(said: str) -> None:
    layer, words = KNOWN[said]
    with pytest.raises(HubfleetError, match=words) as error:
        install(failing(f"Error: {said}"))
    assert error.value.layer is layer
    assert error.value.why == said
    assert isinstance(error.value, CloudError) == (layer is Layer.KUBERNETES)


def test_a_secret_in_helms_own_words_is_masked() -> None:
    with pytest.raises(HubfleetError) as error:
        install(failing("Error: parse error near s3cret"), password="s3cret")
    assert "s3cret" not in str(error.value)


def test_a_chart_is_fetched_once_and_then_comes_from_the_cache(tmp_path: Path) -> None:
    pulls = _Pulling()
    subject = helm(pulls, tmp_path)
    first, second = (subject.pull("https://charts.test", "jupyterhub", "4.4.0") for _ in range(2))
    assert first == second
    assert first.read_text() == "chart"
    assert len(pulls.calls) == 1


def test_the_same_chart_of_another_repository_is_another_chart(tmp_path: Path) -> None:
    subject = helm(_Pulling(), tmp_path)
    assert subject.pull("https://a.test", "x", "1") != subject.pull("https://b.test", "x", "1")


def test_a_chart_that_is_not_the_pinned_one_is_refused_and_forgotten(tmp_path: Path) -> None:
    subject = helm(_Pulling(), tmp_path)
    with pytest.raises(HubfleetError, match="not the one that is pinned"):
        subject.pull("https://charts.test", "jupyterhub", "4.4.0", sha256="0" * 64)
    right = hashlib.sha256(b"chart").hexdigest()
    assert subject.pull("https://charts.test", "jupyterhub", "4.4.0", sha256=right).exists()


def test_a_fetch_that_was_killed_half_way_is_not_believed(tmp_path: Path) -> None:
    subject = helm(_Pulling(), tmp_path)
    archive = subject.pull("https://charts.test", "jupyterhub", "4.4.0")
    archive.unlink()
    half = archive.parent / f".{archive.stem}.part"
    half.mkdir()
    (half / archive.name).write_text("hal")
    assert subject.pull("https://charts.test", "jupyterhub", "4.4.0").read_text() == "chart"


def test_a_release_without_values_has_none() -> None:
    run = Scripted()
    run.answer([HELM, "get", "values"], "null\n")
    assert helm(run).values("main", "main") == {}


class _Pulling(Scripted):
    """A Helm whose `pull` leaves an archive, as the real one does."""

    def __call__(self, argv, **details):  # type: ignore[no-untyped-def]
        self.answer([HELM, "pull"])
        done = super().__call__(argv, **details)
        folder = Path(argv[argv.index("--destination") + 1])
        (folder / f"{argv[2]}-{argv[argv.index('--version') + 1]}.tgz").write_text("chart")
        return done


def test_chart_and_objects_of_a_release_are_helms_answers() -> None:
    run = Scripted()
    run.answer([HELM, "get", "metadata", "main"], '{"name": "main", "chart": "jupyterhub", "version": "4.3.3"}')
    run.answer([HELM, "get", "manifest", "main"], "kind: Service\n")
    assert helm(run).chart("main", "main") == ("jupyterhub", "4.3.3")
    assert helm(run).manifest("main", "main") == "kind: Service\n"


def test_an_upgrade_without_labels_leaves_those_that_are_there() -> None:
    run = Scripted()
    run.answer([HELM, "upgrade"])
    helm(run).upgrade_install("main", "main", CHART, {}, {})
    assert "--labels" not in run.calls[0]
