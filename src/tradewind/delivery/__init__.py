"""Sending the batches of a plan, one recorded attempt after another."""
