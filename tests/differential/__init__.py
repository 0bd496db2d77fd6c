"""Streams, cut anywhere: is a screen that was given a snapshot the same as one that saw all?"""
