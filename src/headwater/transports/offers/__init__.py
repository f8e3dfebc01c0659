"""What is agreed on a transport: offers that a server answers, and those that a client makes."""
