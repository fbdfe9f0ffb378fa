"""What a model says of its fields is the text below each."""

from __future__ import annotations

from hubfleet.spec.descriptions import descriptions
from hubfleet.spec.models import Model


class Base(Model):
    """A model."""

    name: str
    """Whose it is,
    in two lines."""
    bare: int = 1
    both: int = 2
    """Of the base."""


class Below(Base):
    """One that says some of it anew."""

    both: int = 3
    """Of its own."""
    more: str = ""
    """One more."""


def test_the_text_below_a_field_is_what_is_said_of_it_and_others_have_none() -> None:
    assert descriptions(Base) == {"name": "Whose it is,\nin two lines.", "both": "Of the base."}


def test_a_model_has_the_texts_that_it_inherits_and_its_own_count_more() -> None:
    found = descriptions(Below)
    assert (found["name"][:5], found["both"], found["more"]) == ("Whose", "Of its own.", "One more.")


def test_a_model_whose_source_is_not_there_has_none() -> None:
    made = type("Made", (Model,), {"__annotations__": {"x": int}})
    assert descriptions(made) == {}
