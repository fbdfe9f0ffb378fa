"""One writer per cluster, across machines."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx2
import pytest

from hubfleet.engine.leases import LASTS, Hold
from hubfleet.errors import CloudError, Refused
from tests.unit.kube_api import Api

LEASE = ("leases", "kube-system", "hubfleet-pythia")
NOON = 1_800_000_000.0


def ada(**how: float) -> Hold:
    return Hold("pythia", "ada@laptop:4711", "place-a", **how)  # type: ignore[arg-type]


def bob(breaks: str = "") -> Hold:
    return Hold("pythia", "bob@desk:12", "place-b", breaks=breaks)


def seen(what: Callable[[], object]) -> None:
    """Threads are given five seconds."""
    end = time.monotonic() + 5
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def api() -> Api:
    found = Api()
    found.clock = lambda: NOON
    return found


def test_the_second_writer_is_told_who_holds_the_lock_since_when_and_how_to_break_it(api: Api) -> None:
    ada().take(api.kube())
    api.clock = lambda: NOON + 25
    with pytest.raises(Refused) as error:
        bob().take(api.kube())
    assert error.value.exit_code == 4
    assert "ada@laptop:4711" in error.value.what
    assert "2027-01-15 08:00:00 UTC (25 s)" in error.value.why
    assert f"in {LASTS - 25} s" in error.value.remedy
    assert "--break-lock ada@laptop:4711" in error.value.remedy


def test_a_lock_that_was_let_go_is_free_at_once(api: Api) -> None:
    hold = ada()
    hold.take(api.kube())
    hold.release()
    assert LEASE not in api.objects
    bob().take(api.kube())
    assert api.objects[LEASE]["spec"]["holderIdentity"] == "bob@desk:12"


def test_a_lock_whose_holder_died_ends_by_itself(api: Api) -> None:
    ada(every=3600).take(api.kube())  # never renews it, however slow this machine is
    api.clock = lambda: NOON + LASTS
    bob().take(api.kube())
    assert api.objects[LEASE]["spec"]["holderIdentity"] == "bob@desk:12"


def test_the_machine_whose_last_run_was_killed_need_not_wait(api: Api) -> None:
    ada().take(api.kube())
    Hold("pythia", "ada@laptop:5000", "place-a").take(api.kube())
    assert api.objects[LEASE]["spec"]["holderIdentity"] == "ada@laptop:5000"


def test_a_machine_whose_clock_is_an_hour_wrong_does_not_take_a_lock_for_ended(api: Api) -> None:
    api.clock = lambda: time.time() - 3600
    ada().take(api.kube())
    with pytest.raises(Refused):
        bob().take(api.kube())


def test_only_the_one_who_is_named_loses_the_lock(api: Api) -> None:
    ada().take(api.kube())
    with pytest.raises(Refused):
        bob("eve@attic:1").take(api.kube())
    bob("ada@laptop:4711").take(api.kube())
    assert api.objects[LEASE]["spec"]["holderIdentity"] == "bob@desk:12"


def test_who_loses_the_lock_is_stopped_told_by_whom_and_leaves_the_others_lock_alone(api: Api) -> None:
    hold, stopped = ada(every=0.01), list[bool]()
    hold.on_loss(lambda: stopped.append(True))
    hold.take(api.kube())
    hold.check()
    bob("ada@laptop:4711").take(api.kube())
    seen(lambda: stopped)
    with pytest.raises(Refused, match="bob@desk:12 took the lock of pythia"):
        hold.check()
    hold.release()
    assert api.objects[LEASE]["spec"]["holderIdentity"] == "bob@desk:12"


def test_the_lock_is_renewed_also_after_the_api_was_away_and_made_anew_if_it_was_deleted(api: Api) -> None:
    hold = ada(every=0.01)
    hold.take(api.kube())
    api.fail = lambda request: httpx2.Response(503, json={"message": "the control plane is being replaced"})
    asked = len(api.requests)
    seen(lambda: len(api.requests) > asked + 2)
    del api.objects[LEASE]
    api.fail = lambda request: None
    seen(lambda: LEASE in api.objects)
    api.clock = lambda: NOON + 50
    seen(lambda: api.objects[LEASE]["spec"]["renewTime"] > "2027-01-15T08:00:49")
    hold.check()
    hold.release()


def test_a_cluster_that_went_with_its_lock_is_not_asked_any_more(api: Api) -> None:
    hold = ada()
    hold.take(api.kube())
    hold.forget()
    asked = len(api.requests)
    hold.release()
    assert len(api.requests) == asked


def test_taking_twice_is_taking_once(api: Api) -> None:
    hold = ada()
    hold.take(api.kube())
    asked = len(api.requests)
    hold.take(api.kube())
    assert (hold.taken, len(api.requests)) == (True, asked)


def test_when_two_reach_for_it_at_once_the_quicker_has_it(api: Api) -> None:
    def quicker(request: httpx2.Request) -> httpx2.Response | None:
        if request.method == "POST":
            api.fail = lambda request: None
            ada().take(api.kube())
        return None

    api.fail = quicker
    with pytest.raises(Refused, match="ada@laptop:4711"):
        bob().take(api.kube())


def test_a_credential_that_may_not_lock_is_an_error(api: Api) -> None:
    api.fail = lambda request: httpx2.Response(403, json={"message": "leases is forbidden"})
    with pytest.raises(CloudError, match="does not allow"):
        ada().take(api.kube())
