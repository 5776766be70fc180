"""The public JSON API, and the process that serves it beside a worker."""
