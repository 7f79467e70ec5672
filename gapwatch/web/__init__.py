"""The daemon's web side: metrics, health, probes on request, runs as JSON, and the status page."""
