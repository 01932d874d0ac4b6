"""The steps of the work on a generation and on an image, one module each; they do not know each other."""
