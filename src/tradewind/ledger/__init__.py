"""What happened, for ever: runs, plans, batches, attempts and receipts."""
