from hubfleet_sandbox.machine_room.conditions import Truth, conditions

LONG_AGO = "2020-01-01T00:00:00Z"


def test_what_stays_as_it_is_keeps_its_time() -> None:
    before = [{"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}]
    assert conditions(before, {"Ready": Truth(so=True)}) == before


def test_what_changes_gets_a_new_time_and_says_why() -> None:
    before = [{"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}]
    (found,) = conditions(before, {"Ready": Truth(so=False, reason="NodeNotReady", message="no kubelet")})
    assert (found["status"], found["reason"], found["message"]) == ("False", "NodeNotReady", "no kubelet")
    assert found["lastTransitionTime"] > LONG_AGO
