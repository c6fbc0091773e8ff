"""What converters raise."""

from __future__ import annotations


class ConversionError(ValueError):
    """The files or options that the user gave cannot be converted; the message is one line."""
