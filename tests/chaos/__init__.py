"""Kills the product at its worst moments and compares, afterwards, what the platform holds with what it should hold."""
