"""A shop that never was: seeded events and the answer key to judge a run by."""
