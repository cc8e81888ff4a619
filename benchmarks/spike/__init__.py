"""Validations a second, through HTTP to the commit: Turnstile beside what one would use otherwise."""
