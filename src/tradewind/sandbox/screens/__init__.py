"""What a person opens in a browser: the emulated platform's settings, its segments, and what it was sent."""
