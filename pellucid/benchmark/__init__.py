"""Races against other libraries: the same work, in turns, on the same machine, with the accuracy in the same run."""
