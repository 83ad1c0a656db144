"""Your own network: any model, any data, one report."""
