"""MQTT -> admit -> journal -> ack: each reading stored exactly once."""
