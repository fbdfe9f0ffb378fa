"""How long things take, and who took the time. Figures are printed, never asserted: machines differ."""
