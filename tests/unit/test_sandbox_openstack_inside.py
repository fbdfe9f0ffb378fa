"""What runs inside OpenStack's own environment, as far as it can be had without OpenStack."""

from pathlib import Path

import pytest

from hubfleet_sandbox.openstack.inside import nova_hosts


def test_there_is_room_for_every_flavor_but_those_that_the_sandbox_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "no-valid-host"
    monkeypatch.setattr(nova_hosts, "_NO_ROOM", told)
    assert nova_hosts.no_room() == set()
    told.write_text("m3.quad\ng3.medium\n")
    assert nova_hosts.no_room() == {"m3.quad", "g3.medium"}
