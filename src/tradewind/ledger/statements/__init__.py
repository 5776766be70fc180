"""What was sent in a time, summed up."""
