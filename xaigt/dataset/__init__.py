"""Datasets on disk: how they are laid out, written, read and handed to training frameworks."""
