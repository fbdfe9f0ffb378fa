"""Judges health: whether what is there also works. Changes nothing."""
