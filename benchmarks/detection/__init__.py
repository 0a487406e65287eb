"""What the detectors find, how soon, at what price, and how much work it is."""
