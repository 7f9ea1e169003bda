"""Outgoing messages (email, webhooks), stored in the transaction of their cause and sent at least once."""
