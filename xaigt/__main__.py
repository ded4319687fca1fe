"""``python -m xaigt``: the same as the ``xaigt`` command."""

from xaigt.cli import main

if __name__ == "__main__":
    main()
