"""Seeing through it: checks, words and pictures of what a network does and did."""
