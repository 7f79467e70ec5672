"""How it is measured: browser journeys and HTTP checks that turn a scenario into a Run."""
