"""Files: written atomically, read with suspicion."""
