"""Adapters of the port `ObjectStorage`: a folder, and any S3 endpoint."""
