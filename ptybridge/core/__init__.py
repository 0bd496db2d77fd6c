"""Sessions, terminals and viewers: the rules, without a network, JSON or a file descriptor."""
