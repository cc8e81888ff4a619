"""
The key that every device and tool of the service sends: settings.SERVICE_API_KEY. Asks no database.
"""

import secrets

from django.conf import settings

HEADER = "X-Service-Key"


def is_service_key(sent: str | None) -> bool:
    """Tell whether `sent` is the service's key, in a time that does not tell how much of it was right."""
    # As bytes: compare_digest refuses text outside ASCII, and a header may carry any.
    return secrets.compare_digest((sent or "").encode("utf-8", "replace"), settings.SERVICE_API_KEY.encode())
