"""The application: commands, configuration, schedule, and web side."""
