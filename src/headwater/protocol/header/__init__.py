"""One header, one file: parsing and writing of single header values."""
