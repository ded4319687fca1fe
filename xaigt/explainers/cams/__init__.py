"""Class activation maps, one file a method."""
