"""The reference server: the boxes of the design as services behind one gateway."""
