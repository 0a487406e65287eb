"""A motion sensor (PIR) wired to a pin of the gateway."""
