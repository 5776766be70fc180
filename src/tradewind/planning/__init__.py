"""From a delta to a plan: refresh policy, guards, batches; pure."""
