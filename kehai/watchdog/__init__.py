"""The watchdog: a process of its own that sends a reading the whole way each minute, and complains when none comes through."""
