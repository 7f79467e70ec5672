"""What is exercised: portals, scenarios and their steps, the flow files, and the synthetic citizen."""
