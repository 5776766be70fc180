"""Identifiers: their forms, their checks, and the map from a person to them."""
