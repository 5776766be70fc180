"""The book of batches: what was about to leave, what was asked, and what was answered."""
