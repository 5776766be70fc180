"""Files that were sent over the API, from their last byte on the disk until they are taken in."""
