"""`headwater relay`, once its options are read: a server with sources, and how to watch them."""
