"""What a person may ask, by noun; every face of the product calls these and nothing below."""
