"""The book of runs: what was opened, by what, how far it came and how it ended."""
