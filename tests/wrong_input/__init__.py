"""Everything wrong that a command can be given, as tables: what is called, the exit code, and what its sentence must say."""
