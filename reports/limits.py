"""
How long the texts of the reports app may be.
"""

SLUG = 64
FORMAT = 8
STATE = 16
FILE_NAME = 255
SHA256 = 64
HOLDER = 100
ERROR = 1_000
CADENCE = 16
DELIVERY = 16
RECIPIENTS = 1_000
FOLDER = 200
