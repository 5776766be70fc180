"""The sources of projects, as their operators want them."""
