"""The world outside, each part behind a port of the core."""
