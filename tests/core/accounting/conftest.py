"""Examples may take their time on a slow, shared core."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
