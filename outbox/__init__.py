"""What must go out: a row written in the transaction of its cause, sent at least once, visible when it has failed."""
