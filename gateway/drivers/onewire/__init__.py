"""A DS18B20 thermometer on the gateway's 1-Wire bus."""
