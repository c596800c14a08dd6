"""``python -m triptych``: the command line."""

from triptych.cli import main

if __name__ == "__main__":
    main()
