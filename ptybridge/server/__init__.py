"""The network side: HTTP, connections, and what carries them."""
