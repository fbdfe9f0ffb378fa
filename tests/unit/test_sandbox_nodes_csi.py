from pathlib import Path

import pytest

from hubfleet_sandbox import processes
from hubfleet_sandbox.nodes import csi


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run."""
    commands: list[list[str]] = []

    def run(argv: list[str | Path], *, timeout: float) -> str:
        commands.append([str(word) for word in argv])
        return ""

    monkeypatch.setattr(processes, "run", run)
    return commands


def test_a_message_reads_as_it_was_written() -> None:
    message = {1: "volume", 4: "/a/long/path" * 20, 17: "é"}
    assert csi.read(csi.write(message)) == message


def test_what_is_no_text_is_left_out_of_a_message() -> None:
    # field 6: the number 1 (readonly); field 9: four bytes; field 10: eight bytes
    assert csi.read(
        csi.write({1: "v"}) + b"\x30\x01" + b"\x4d\0\0\0\0" + b"\x51" + b"\0" * 8 + csi.write({4: "t"})
    ) == {
        1: "v",
        4: "t",
    }


def test_the_kubelet_hears_the_drivers_name_and_the_nodes(tmp_path: Path) -> None:
    services = csi.Driver("n1", tmp_path, lambda: None).services()
    assert services["pluginregistration.Registration"]["GetInfo"]({})[2] == "cinder.csi.openstack.org"
    assert services["csi.v1.Node"]["NodeGetInfo"]({}) == {1: "n1"}


def test_a_volumes_folder_is_mounted_where_the_pod_wants_it(tmp_path: Path, ran: list[list[str]]) -> None:
    target = tmp_path / "pods" / "p" / "mount"
    csi.Driver("n1", tmp_path, lambda: None).services()["csi.v1.Node"]["NodePublishVolume"]({1: "id-1", 4: str(target)})
    assert ran == [["mount", "--bind", str(tmp_path / "id-1"), str(target)]]
    assert target.is_dir()


def test_a_place_that_nothing_is_mounted_on_is_taken_away(tmp_path: Path, ran: list[list[str]]) -> None:
    target = tmp_path / "mount"
    target.mkdir()
    driver = csi.Driver("n1", tmp_path, lambda: None)
    driver.unpublish(target)
    driver.unpublish(target)
    assert (ran, target.exists()) == ([], False)


def test_a_driver_that_the_kubelet_could_not_register_begins_anew(tmp_path: Path) -> None:
    begun: list[str] = []
    services = csi.Driver("n1", tmp_path, lambda: begun.append("again")).services()
    heard = services["pluginregistration.Registration"]["NotifyRegistrationStatus"]
    assert heard({}) == {}
    assert begun == []
    assert heard({2: "error updating Node object with CSI driver node info"}) == {}
    assert begun == ["again"]
