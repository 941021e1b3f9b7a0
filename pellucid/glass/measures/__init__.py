"""The numbers behind the figures, each measured by a function that draws nothing."""
