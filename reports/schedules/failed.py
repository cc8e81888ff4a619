"""
The one way in which a delivery fails.
"""


class DeliveryFailed(RuntimeError):
    """A report did not arrive; the message says why, and what to do, and quotes no secret."""
