"""The web faces. No rule lives here. `faces.py` wires them together."""
