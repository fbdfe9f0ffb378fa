"""check as a program sees it: what is looked at, a document, an exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hubfleet.checks.pods import Trouble
from hubfleet.cli import app
from hubfleet.engine.ground.existing import ExistingGround
from hubfleet.engine.probe import Probed
from hubfleet.errors import Layer, UsageError
from hubfleet.tools.hub import Answer
from tests.unit.lab import HUB, Lab

POOLS = {
    "core": {"runs": ["core"], "nodes": 1},
    "user": {"runs": ["users"], "nodes": {"min": 1, "max": 3}},
    "big": {"runs": ["users"], "nodes": {"min": 1, "max": 2}},
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


def check(lab: Lab, *words: str) -> Result:
    return CliRunner().invoke(app.hubfleet, ["check", str(lab.file), *words], standalone_mode=False)


def test_a_hub_that_answers_is_well(lab: Lab) -> None:
    lab.apply()
    ran = check(lab, "--quick", "--json")
    (found,) = json.loads(ran.stdout)["checks"]
    assert (ran.return_value, found["subject"], found["well"]) == (0, "hub main", True)
    assert "JupyterHub 5.5.4 answers" in found["seen"]


def test_a_hub_that_does_not_answer_is_told_with_its_layer(lab: Lab) -> None:
    lab.apply()
    lab.answer = Answer(502, "", "", 0.1)
    ran = check(lab)
    assert ran.return_value == 1
    assert "hub: the proxy at" in ran.stdout
    assert "do:" in ran.stdout


def test_a_hub_that_has_no_token_for_the_test_user_is_to_be_applied_again(lab: Lab) -> None:
    lab.apply()
    del lab.api.objects["secrets", "main", "hubfleet"]
    ran = check(lab)
    assert ran.return_value == 1
    assert "hub: the hub has no token for hubfleet's test user yet" in ran.stdout


def test_no_user_is_made_where_all_homes_are_on_one_claim(lab: Lab) -> None:
    dynamic = {"hub": {"config": {"KubeSpawner": {"pvc_name_template": "homes"}}}}
    lab.write(hubs={"main": HUB | {"values": dynamic}})
    lab.apply()
    ran = check(lab)
    assert ran.return_value == 1
    assert "storage: no server of a test user's is started" in ran.stdout


@pytest.fixture
def probed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pools that were probed; `big` does not grow."""
    names: list[str] = []
    trouble = Trouble(Layer.CHART, "pool big did not grow in 20 min", "a chart known to break it", "another template")

    def probe(_: object, pool: str, kube: object, tell: Any, within: float) -> Probed:
        names.append(pool)
        assert within == 300
        tell("2 pods that want a node each")
        return Probed("big", 1, 1, trouble=trouble) if pool == "big" else Probed(pool, 1, 2, 61.0, 640.0)

    monkeypatch.setattr(ExistingGround, "probe", probe)
    lab.write(pools=POOLS)
    return names


def test_every_pool_for_users_that_scales_is_probed(lab: Lab, probed: list[str]) -> None:
    ran = check(lab, "--autoscale", "--timeout", "5")
    assert probed == ["user", "big"]
    assert "pool user: 1 node, grew to 2 in 61 s, shrank again in 640 s" in ran.stdout
    assert "chart: pool big did not grow" in ran.stdout
    assert "2 pods that want a node each" in ran.stderr
    assert ran.return_value == 1


def test_the_pool_that_is_named_is_probed_and_no_other(lab: Lab, probed: list[str]) -> None:
    ran = check(lab, "--autoscale", "--pool", "user", "--timeout", "5", "--json")
    assert probed == ["user"]
    assert (ran.return_value, json.loads(ran.stdout)["well"]) == (0, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--pool", "user"), "--autoscale"),
        (("--hub", "mian"), "no hub 'mian'"),
        (("--notebook", "nowhere.ipynb"), "nowhere.ipynb is not a notebook"),
        (("--quick", "--notebook", "nowhere.ipynb"), "--quick runs no notebook"),
        (("--autoscale", "--hub", "main"), "--autoscale is about pools"),
        (("--autoscale", "--pool", "usr"), "no pool 'usr'"),
        (("--autoscale",), "no pool for users that scales"),
    ],
)
def test_what_makes_no_sense_is_told(lab: Lab, words: tuple[str, ...], told: str) -> None:
    ran = check(lab, *words)
    assert isinstance(ran.exception, UsageError)
    assert told in str(ran.exception)


def test_the_pools_of_an_existing_cluster_are_its_owners(lab: Lab) -> None:
    lab.write(pools=POOLS)
    ran = check(lab, "--autoscale")
    assert isinstance(ran.exception, UsageError)
    assert ("leases", "kube-system", "hubfleet-lab") not in lab.api.objects
