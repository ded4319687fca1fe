"""The networks: one module a source, each imported when one of its networks is asked for."""
