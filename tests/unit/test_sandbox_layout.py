from itertools import pairwise
from pathlib import Path

import pytest

from hubfleet_sandbox import layout as layouts
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import SERVICE_PORTS, SLOTS, Layout

HERE, CACHE = Path("/state"), Path("/cache")
ALL = [layouts.new(HERE, CACHE, set(range(slot))) for slot in range(SLOTS)]


def names(layout: Layout) -> set[str]:
    """What of a sandbox must be nobody else's."""
    ports = {layout.port(service) for service in SERVICE_PORTS}
    ports |= {layout.cluster_port(cluster, offset) for cluster in (0, 44) for offset in (0, 9)}
    networks = {str(layout.node_network), str(layout.pods), layout.bridge, layout.namespace_prefix, str(layout.run)}
    return networks | {str(port) for port in ports}


def test_two_sandboxes_share_no_number_and_no_name() -> None:
    seen: set[str] = set()
    for layout in ALL:
        assert not seen & names(layout)
        seen |= names(layout)


def test_every_port_is_below_those_that_linux_gives_away() -> None:
    assert ALL[-1].cluster_port(44, 9) < 32768
    assert len(set(SERVICE_PORTS.values())) == len(SERVICE_PORTS)


def test_the_slots_of_a_sandbox_hold_its_ports() -> None:
    assert all(one.cluster_port(44, 9) < other.port("keystone") for one, other in pairwise(ALL))


def test_node_service_and_pod_addresses_do_not_meet() -> None:
    layout = ALL[3]
    nodes = {layout.node_address(number) for number in range(90)}
    services = {layout.service_address(number) for number in range(150)}
    assert len(nodes) == 90
    assert len(services) == 150
    assert not nodes & services
    assert layout.gateway not in nodes | services
    assert all(layout.pod_network(number).subnet_of(layout.pods) for number in (0, 89))


@pytest.mark.parametrize("number", [-1, 90])
def test_there_is_no_ninety_first_node(number: int) -> None:
    with pytest.raises(ValueError, match="at most 90 nodes"):
        ALL[0].node_address(number)


@pytest.mark.parametrize(("cluster", "offset"), [(-1, 0), (45, 0), (0, 10)])
def test_there_is_no_forty_sixth_cluster_and_no_eleventh_port(cluster: int, offset: int) -> None:
    with pytest.raises(ValueError, match="at most 45 clusters"):
        ALL[0].cluster_port(cluster, offset)


def test_a_full_machine_is_said_to_be_full() -> None:
    with pytest.raises(SandboxError, match="all 32 slots"):
        layouts.new(HERE, CACHE, set(range(SLOTS)))


def test_a_sandbox_is_found_again_by_its_folder_alone(tmp_path: Path) -> None:
    made = layouts.new(tmp_path / "state", CACHE, {0, 1}, ports=40000)
    made.save()
    assert layouts.load(tmp_path / "state") == made
    assert layouts.load(tmp_path) is None


def test_the_cache_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBFLEET_SANDBOX_CACHE", "/big/disk")
    assert layouts.default_cache() == Path("/big/disk")
