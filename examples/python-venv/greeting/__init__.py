"""A package of our own, installed into the virtual environment."""
