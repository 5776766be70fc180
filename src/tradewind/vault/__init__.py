"""Secrets at rest, sealed to the row they belong to."""
