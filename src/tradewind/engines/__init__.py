"""Engines answer which people a cohort has at an instant."""
