"""Attributions in the space of the input, one file a method."""
