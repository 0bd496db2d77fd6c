"""Measurements of ptybridge, each against a floor or a peer of the same run; see README.md."""
