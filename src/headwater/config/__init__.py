"""The configuration: `settings` (standard library only), and what fills them."""
