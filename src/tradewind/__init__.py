"""Tradewind turns what people did into audiences on The Trade Desk, on your own machines."""

__version__ = "0.1.0"
