"""People who come from elsewhere than events: lists and SELECTs."""
