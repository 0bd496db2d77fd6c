"""``python -m ptybridge``."""

from ptybridge.cli import main

if __name__ == "__main__":
    main()
