"""One module for each group of commands; each imports only what its own role needs."""
