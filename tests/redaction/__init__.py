"""What never shows: the secrets of messages, in text and in logs."""
