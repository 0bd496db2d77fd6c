"""Messages and frames: pure functions and values, no I/O. See docs/wire.md."""
