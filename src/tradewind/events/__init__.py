"""The event store: files and their manifest, importing, de-duplication and people."""
