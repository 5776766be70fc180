"""Telling people in time: what is worth telling, and the ways to tell it."""
