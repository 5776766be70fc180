"""The local lookalike: who behaves most like the members of a seed."""
