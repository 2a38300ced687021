"""The model held against the server: loads predicted, measured, and how far apart they are."""
