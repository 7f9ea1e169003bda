"""How many examples property tests draw."""

import hypothesis


def examples(count: int) -> int:
    """`count` for `make test`. `make fuzz`, which draws other examples each time, takes twice as many."""
    return count * 2 if hypothesis.settings.get_current_profile_name() == "fuzz" else count
