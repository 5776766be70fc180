"""Amplitude, emulated from its documentation: cohorts and their download, and the export of events."""
