"""Charts: our own `lite`, and the pinned versions of upstream's. Data, no code."""
