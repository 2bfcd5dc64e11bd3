"""canary: takes a trading strategy live in gated steps, and off again in minutes, with evidence."""

__version__ = "0.1.0"
