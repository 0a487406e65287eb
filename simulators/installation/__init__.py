"""A whole installation in one process and one thread, on a virtual clock, with faults: see docs/adr/0019.

The gateways' agents, ingest, the watch and the caller are the product's own. What is simulated is what they stand on: time and
chance, the broker and the lines to it, the providers of messages, people, and death at any step.
"""
