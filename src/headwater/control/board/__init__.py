"""What an operator sees at one glance: a card for each path, with rates and warnings in words."""
