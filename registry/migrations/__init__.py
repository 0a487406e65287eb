"""Alembic's migrations, packaged so that every role can bring its database up to date."""
