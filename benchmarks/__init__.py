"""
The same work on Turnstile and on its peers, side by side: what it costs, and what callers see during a fault.
"""
