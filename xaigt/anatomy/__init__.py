"""Templates (real images with tissue maps), the fields computed from them, and subjects (their variations)."""
