"""Who lives where: the only room with personal data."""
