"""The ASGI application that granian, and any other ASGI server, serves: the front door."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from config.front.door import FrontDoor  # noqa: E402 - it reads the settings

application = FrontDoor()
