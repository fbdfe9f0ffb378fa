from pathlib import Path

from hubfleet_sandbox.nodes import hardware

MEMINFO = "MemTotal: 24633132 kB\nMemFree:  900000 kB\nMemAvailable: 20000000 kB\nSwapTotal: 0 kB\n"


def test_a_machine_has_no_more_memory_than_its_flavor_and_no_more_free_than_that() -> None:
    lines = dict(line.split(":") for line in hardware.meminfo(MEMINFO, 15 << 20).splitlines())
    assert {name: value.split() for name, value in lines.items()} == {
        "MemTotal": ["15728640", "kB"],
        "MemFree": ["900000", "kB"],
        "MemAvailable": ["15728640", "kB"],
        "SwapTotal": ["0", "kB"],
    }


def test_more_cores_than_there_are_stand_for_those_that_there_are() -> None:
    found = hardware.names(5, [0, 3])
    assert found == ["cpu0", "cpu3", "cpu00", "cpu03", "cpu000"]
    assert {int(name.removeprefix("cpu")) for name in found} == {0, 3}


def test_a_machine_has_the_cores_of_its_flavor(tmp_path: Path) -> None:
    folder = tmp_path / "hardware"
    for cores in (8, 3):  # a number that changes is not added to what was there
        mounts = hardware.describe(folder, cores, 15 << 30)
    node = folder / "node" / "node0"
    assert len(list(node.glob("cpu*/topology/core_id"))) == 3
    assert "MemTotal: 15728640 kB" in (node / "meminfo").read_text()
    assert mounts[Path("/proc/meminfo")] == folder / "meminfo"
    assert all(place.exists() for place in mounts)
