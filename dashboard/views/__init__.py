"""What a page shows, worked out from book, registry and journal; without any HTTP in it."""
