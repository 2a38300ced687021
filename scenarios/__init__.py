"""What is asked: population, activity, boxes, flows and objectives, read from TOML."""
