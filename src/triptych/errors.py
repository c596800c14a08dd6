"""What ends a command besides success: input that cannot be used, and a request to stop."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is a single line that names the file, the field, what was expected and what to do. The command
    line prints it without a traceback and exits with code 2.
    """


class Terminated(KeyboardInterrupt):
    """SIGTERM asks to stop, as Ctrl-C does."""
