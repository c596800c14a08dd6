"""The one exception that means "your input, not our bug"."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is a single line that names the file, the field, what was expected and what to do. The command
    line prints it without a traceback and exits with code 2.
    """
