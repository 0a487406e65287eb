"""Everything that Apprise knows."""
