"""What each segment holds as far as we know: read, diff, merge."""
