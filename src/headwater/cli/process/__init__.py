"""The process around a command: its loop, its log, its signals, its hand-over, its supervisor."""
