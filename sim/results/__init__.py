"""What a run found, as plain frozen records in base units (seconds, bytes, per second).

A value that is not known is None, never NaN.
"""
