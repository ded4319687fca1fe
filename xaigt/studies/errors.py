"""The error of this room."""

from xaigt.errors import XaigtError


class StudyError(XaigtError):
    """A study that cannot be run, or a folder that is not one."""
