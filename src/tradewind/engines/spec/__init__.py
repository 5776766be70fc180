"""The cohort language as tables that every engine is held to, here and on a client's own server."""
