"""
How long text and how large numbers from a source may be. What is longer or larger is rejected, never cut.
"""

SOURCE = 64
ENDPOINT = 16
SALE_ID = 200
KIND = 16
CURRENCY = 3
OUTCOME = 16
FIELD = 64
REASON = 300
PAYLOAD_HASH = 64
HOLDER = 100
# A rejected row's payload, in characters of JSON: of a longer one the beginning is kept, in a string.
PAYLOAD = 20_000

# One sale's quantity fits Postgres' integer; its amount has AMOUNT_DIGITS digits, AMOUNT_DECIMALS of them
# decimals. No currency in use has more than four.
QUANTITY = 1_000_000_000
AMOUNT_DIGITS = 19
AMOUNT_DECIMALS = 4
# Sums of amounts.
REVENUE_DIGITS = 28
