"""The engines that play a scenario in simulated time."""
