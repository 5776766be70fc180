"""Who was sent and who was held out, since when."""
