"""The simulator: users and boxes played as a model, from estimates to engines."""
