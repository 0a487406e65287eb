"""MQTT from the client's side: the packets as bytes, and one connection that carries them."""
