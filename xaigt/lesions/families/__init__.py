"""One file a lesion family; each defines ``FAMILY``."""
