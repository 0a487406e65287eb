"""The ground floor: the language that every other room speaks.

Standard library only, no input or output. Instants are integers: microseconds since 1970-01-01T00:00:00Z (see
``domain.clock``), so that two runs over the same facts compare equal to the byte.
"""
