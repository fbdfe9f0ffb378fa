"""Labels and taints of pools: as Kubernetes takes them, and none that belongs to somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster_files import example, load, problems

TAINT = "pools.user.taints[0]"
SYNTAX = "write NAME or example.org/NAME: letters, digits, -, _ and ., a letter or digit first and last, at most 63"


def tree(**pool: Any) -> dict[str, Any]:
    return example(pools={"core": {"runs": ["core"]}, "user": pool})


def test_taints_are_read_as_kubectl_writes_them(tmp_path: Path) -> None:
    written = ["example.org/gpu=true:NoSchedule", "spot:PreferNoSchedule"]
    taints = load(tmp_path, tree(taints=written)).pools["user"].taints
    assert [(one.key, one.value, one.effect) for one in taints] == [
        ("example.org/gpu", "true", "NoSchedule"),
        ("spot", "", "PreferNoSchedule"),
    ]
    assert [str(one) for one in taints] == written


def test_what_yaml_takes_for_something_else_becomes_text_in_labels(tmp_path: Path) -> None:
    file = load(tmp_path, tree(labels={"fast": True, "racks": 3, "empty": ""}))
    assert file.pools["user"].labels == {"fast": "true", "racks": "3", "empty": ""}


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ({"taints": ["gpu=1:NoShedule"]}, f'{TAINT}.effect: is "NoShedule" — did you mean "NoSchedule"?'),
        ({"taints": ["gpu=1:never"]},
         f'{TAINT}.effect: is "never" — there is NoSchedule, PreferNoSchedule, NoExecute'),
        ({"taints": ["gpu=1"]}, f"{TAINT}: needs a taint as kubectl writes it: key=value:NoSchedule"),
        ({"taints": [{"key": "gpu"}]}, f"{TAINT}: needs a taint as kubectl writes it: key=value:NoSchedule"),
        ({"taints": ["a b:NoSchedule"]}, f'{TAINT}: "a b" is no key of a label or taint — {SYNTAX}'),
        ({"taints": ["gpu:NoExecute", "gpu=x:NoExecute"]},
         ("pools.user.taints[1]: this pool has a taint gpu with that effect already — keep one of them: Kubernetes "
         "takes no second")),
        ({"taints": ["node.kubernetes.io/x:NoExecute"]},
         f"{TAINT}: kubernetes.io is reserved — take a prefix of your own: example.org/x"),
        ({"labels": {"capi.stackhpc.com/role": "x"}},
         ('pools.user.labels."capi.stackhpc.com/role": capi.stackhpc.com is reserved — take a prefix of your own: '
          "example.org/role")),
        ({"labels": {"-x": "y"}}, f'pools.user.labels.-x: "-x" is no key of a label or taint — {SYNTAX}'),
        ({"labels": {"X.org/y": "z"}},
         f'pools.user.labels."X.org/y": "X.org/y" is no key of a label or taint — {SYNTAX}'),
        ({"labels": {"x": "y z"}},
         ('pools.user.labels.x: "y z" cannot be used here — at most 63 letters, digits, -, _ and ., a letter or digit '
         "first and last")),
    ],
)  # fmt: skip
def test_what_kubernetes_would_refuse_is_refused_with_its_place(
    tmp_path: Path, pool: dict[str, Any], said: str
) -> None:
    assert problems(tmp_path, tree(**pool)) == [said]


def test_labels_of_others_that_only_look_reserved_are_fine(tmp_path: Path) -> None:
    labels = {"hub.jupyter.org/node-purpose": "user", "notk8s.io/x": "y"}
    assert problems(tmp_path, tree(labels=labels)) == []
