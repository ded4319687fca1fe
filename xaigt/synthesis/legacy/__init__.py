"""The data of the published pre-training study (arXiv 2306.12150), each of its defects a switch of its own.

Nothing here is part of the other recipes: the study's random numbers, its lesions and its way to blend them are
reproduced exactly, so that the effect of its defects can be measured. See docs/explanation/legacy.md.
"""
