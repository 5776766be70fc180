"""What the platform said of our segments, reading by reading."""
