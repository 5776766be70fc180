"""A setting, a file or an order that the sandbox cannot use, said in one sentence."""


class Unusable(Exception):
    """Shown to a person as it is, without a traceback."""
