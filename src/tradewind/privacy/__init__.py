"""People who said no: the list of suppressed identifiers, what was asked for them, and the proof of what was done."""
