"""What people say when they try something for the first time; their words are not always kind."""

WORDS: dict[str, tuple[str, ...]] = {
    "useful": (
        "Search finds a note before I have finished typing. That alone is worth it.",
        "I stopped mailing things to myself. It took three days.",
        "The weekly review template is exactly how I run my Mondays now.",
        "Works offline on the train, and nothing was lost when I came back. Thank you.",
        "Pasting a table from a spreadsheet just works. Nobody else gets this right.",
        "Shared a notebook with my sister and she needed no explanation.",
        "",
    ),
    "confusing": (
        "Where did my note go? I pressed Done and it was gone. I found it under Archive, but why there?",
        "Is a notebook a folder or a tag? I have both now and trust neither.",
        "I cannot tell whether it has saved. Please just say so.",
        "The share button sent an invitation before I could write a word to it.",
        "Two menus with three dots next to each other. I always press the wrong one.",
        "I signed up on my phone and my laptop shows an empty account.",
        "What happens after the trial? The price page says two different things.",
        "",
    ),
    "exciting": (
        "Linking two notes by typing [[ made me laugh out loud. More of this!",
        "Wow, it opened in half a second. I had forgotten that this is possible.",
        "I want this for my whole team. When can I pay you?",
        "The graph of my notes shows me what I am really thinking about.",
        "First tool in years that I showed to somebody the same day.",
        "",
    ),
    "forgettable": (
        "Nice, but I would not miss it tomorrow.",
        "It looks like the other five that I have tried.",
        "I forgot that I had an account until your mail came.",
        "Fine for lists. I already have something for lists.",
        "I do not see what I would do here a second time.",
        "",
    ),
}
