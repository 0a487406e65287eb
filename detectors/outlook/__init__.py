"""What may be expected of a home's detectors with the devices that it has; worked out from its own last weeks."""
