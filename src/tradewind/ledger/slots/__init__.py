"""How many requests may be under way at one endpoint, shared by all who send there."""
