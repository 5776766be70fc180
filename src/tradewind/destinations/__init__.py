"""The platforms, one folder a kind, and the registry that knows their names."""
