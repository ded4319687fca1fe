"""Studies: a grid of cells, run so that nothing is done twice, and its analysis.

Importing this package loads nothing but Python.
"""
