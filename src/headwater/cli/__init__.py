"""The command line: `headwater serve`, `demo`, `publish` and the commands around them."""
