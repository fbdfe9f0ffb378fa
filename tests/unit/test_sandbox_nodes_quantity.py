from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hubfleet_sandbox.nodes import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("1Ki", 1024),
        ("10Gi", 10 * 1024**3),
        ("500M", 500_000_000),
        ("1.5Ti", 1536 * 1024**3),
        ("1e3", 1000),
        ("100m", Decimal("0.1")),
    ],
)
def test_amounts_are_read_as_kubernetes_writes_them(text: str, number: int | Decimal) -> None:
    assert quantity.amount(text) == number


@pytest.mark.parametrize("text", ["", "Gi", "10 GB", "ten", "10Gi10"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        quantity.amount(text)


@given(some.integers(1, 10**6))
def test_a_volume_is_never_smaller_than_what_was_asked_for(mebibytes: int) -> None:
    size = quantity.gibibytes(f"{mebibytes}Mi")
    assert (size - 1) * 1024 < mebibytes <= size * 1024
