"""Cohorts and events that live in Amplitude, read with an API key and a secret key."""
