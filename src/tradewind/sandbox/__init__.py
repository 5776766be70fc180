"""The Trade Desk, emulated in a process of its own; shares no code with the sender."""
