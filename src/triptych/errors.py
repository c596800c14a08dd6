"""What ends a command besides success: input that cannot be used, and a request to stop."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is a single line that names the file, the field, what was expected and what to do; where there are
    several problems, each is an argument of its own. The command line prints them without a traceback and exits with
    code 2.
    """


class Terminated(KeyboardInterrupt):
    """SIGTERM asks to stop, as Ctrl-C does."""
