"""
SQLAlchemy's side of the shared pool: where its engine's connections come from, and how they behave.
"""
