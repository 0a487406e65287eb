"""A door contact (reed switch) wired to a pin of the gateway."""
