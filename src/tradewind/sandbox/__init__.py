"""The Trade Desk and Amplitude, emulated in a process of their own; shares no code with the sender."""
