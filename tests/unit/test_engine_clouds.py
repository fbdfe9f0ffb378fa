"""A verb logs in to a cloud once."""

from __future__ import annotations

import pytest

from hubfleet.engine.clouds import Clouds
from hubfleet.tools import openstack


def test_a_cloud_is_opened_once_however_often_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openstack.Cloud, "connect", lambda cloud, watch: object())
    clouds = Clouds()
    assert clouds.connect("js2", None) is clouds.connect("js2", None)
    assert clouds.connect("js2", None) is not clouds.connect(None, None)
