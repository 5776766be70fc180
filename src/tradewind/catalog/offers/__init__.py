"""Which kinds of platform the projects of an installation may use."""
