"""A call to a server of the operator's own."""
