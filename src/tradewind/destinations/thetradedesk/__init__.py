"""The Trade Desk: regions, bodies, signatures and what its answers mean."""
