"""What may be expected to go wrong, where a person can do something about it."""


class Trouble(Exception):
    """Its message says what was found and what to do: a command ends with that sentence, not with a traceback."""
