"""Programs in other languages that read and write our messages; `make interop` runs them."""
