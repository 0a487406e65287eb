"""Runs in the home: drivers -> spool on disk -> uplink. Sees only the domain."""
