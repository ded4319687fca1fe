"""Baselines that any explanation should beat, and the oracle that none can."""
