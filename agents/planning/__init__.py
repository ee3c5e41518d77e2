"""Plans ahead: what may be expected of the next days, as a linear program whose duals say what capacity is worth."""
