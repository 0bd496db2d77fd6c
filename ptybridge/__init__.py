"""Terminals on the web that are never lost."""

__version__ = "0.1.0"
