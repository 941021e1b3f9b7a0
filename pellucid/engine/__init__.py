"""The engines that run a network; the reference runs the layers' own formulas."""
