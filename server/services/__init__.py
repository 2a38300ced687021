"""The design's boxes, one file each: every flow readable from its entry method."""
