"""Settings of every test."""

from hypothesis import settings

# No deadline for one example: how long it takes depends on what else the machine does. The time
# limit of the whole test still holds.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
