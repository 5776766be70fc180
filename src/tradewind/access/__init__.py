"""Who may do what, and who did it: the audit trail."""
