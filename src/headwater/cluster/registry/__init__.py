"""What the nodes of a cluster agree on: who has which path, kept in Redis or Valkey as leases."""
