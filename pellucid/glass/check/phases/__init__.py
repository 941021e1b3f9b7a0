"""The seven phases of the specification: what is tried in each, and which mistakes are recognized."""
