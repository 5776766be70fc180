"""Kind `webhook`: cohorts whose members are pushed here, message by message."""
