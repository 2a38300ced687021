"""The arithmetic of the design document, and of what it leaves out."""
