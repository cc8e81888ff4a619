"""
The WSGI application of the alternatives, as bare as Django allows.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.spike.plain_settings"
application = get_wsgi_application()
