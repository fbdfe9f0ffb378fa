from pathlib import Path

import pytest

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.nodes import cgroups, network, node
from hubfleet_sandbox.nodes.machine import Machine


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A sandbox on a machine whose kernel objects are folders and lists of this test."""
    hierarchy = tmp_path / "cgroup"
    hierarchy.mkdir()
    interfaces = ["lo", "eth0", "hf3", "hf3n1", "hf3n12", "hf30", "hf30n4"]
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [hierarchy])
    monkeypatch.setattr(network, "_interfaces", lambda: set(interfaces))
    monkeypatch.setattr(network, "_remove", lambda name: interfaces.remove(name) if name in interfaces else None)
    return Layout(tmp_path / "state", tmp_path / "cache", 3, 25000)


def test_a_machine_that_is_off_says_so(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="machine 2 is off"):
        Machine(Layout(tmp_path, tmp_path, 0, 25000), 2).run(["true"])


def test_nodes_are_known_by_their_cables_and_other_sandboxes_nodes_are_not(layout: Layout) -> None:
    assert network.numbers(layout) == {1, 12}


def test_removing_a_node_that_is_not_there_does_nothing(layout: Layout) -> None:
    node.remove(layout, 5)
    assert network.numbers(layout) == {1, 12}


def test_a_removed_node_leaves_no_folder_no_group_and_no_cable(layout: Layout) -> None:
    Machine(layout, 12).disk.mkdir(parents=True)
    cgroups.make("hf3-n12")
    node.remove(layout, 12)
    assert (network.numbers(layout), cgroups.named("hf3-"), Machine(layout, 12).disk.exists()) == ({1}, set(), False)


def test_a_sweep_finds_what_is_left_whatever_of_it_is_left(layout: Layout) -> None:
    Machine(layout, 3).disk.mkdir(parents=True)  # 1 and 12 have a cable only, 7 a control group, 8 a pid file
    cgroups.make("hf3-n7")
    cgroups.make("hf30-n7")
    (layout.pids / "nodes/8").mkdir(parents=True)
    node.sweep(layout)
    assert (network.numbers(layout), cgroups.named("hf3-")) == (set(), set())
    assert list(layout.nodes.iterdir()) == []
    assert not (layout.pids / "nodes/8").exists()
    other = Layout(layout.state, layout.cache, 30, 40000)
    assert (network.numbers(other), cgroups.named("hf30-")) == ({4}, {"hf30-n7"}), "another sandbox's stay"


def test_each_kubelet_has_a_control_group_and_a_dns_of_its_cluster(layout: Layout) -> None:
    settings = node._kubelet(Machine(layout, 12))
    assert (settings["cgroupRoot"], settings["clusterDNS"]) == ("/hf3-n12", ["10.96.0.10"])
