"""The nouns of the product as frozen values, one file a noun; no input, no output, no decisions."""
