"""Zigbee sensors, by way of Zigbee2MQTT and its broker in the home."""
