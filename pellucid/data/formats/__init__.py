"""The formats in which labelled images come as files: one module for each."""
