"""How soon a detector of inactivity pages for a collapse, and how often it pages for nothing, on recorded homes."""
