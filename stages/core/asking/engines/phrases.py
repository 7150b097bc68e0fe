"""The wordings that the scripted teacher chooses from; one line of a trace each."""

OPEN = (
    "Okay, I have to work out {task}, so I go one step at a time.",
    "Let me see, the task is {task} and that takes {steps} steps.",
    "I am asked for {task}. No need to rush this.",
    "Hmm, {task}. Let me write down every step.",
)
FIRST = ("To begin with,", "First,", "At the start I see", "The first part gives")
NEXT = ("Then,", "With that,", "Carrying on,", "Now the next part:", "After that,")
FALSE_START = (
    "I think {left} = {value}. Wait, that does not look right.",
    "{left} = {value}? No, I slipped there, once more.",
    "My quick guess is {left} = {value}, but that is off.",
)
CHECK = (
    "Let me check it backwards: {check}. That fits what I had.",
    "A quick check the other way round: {check}. Good, it agrees.",
    "To be safe I test it: {check}. Yes, that is consistent.",
)
CLOSE = (
    "So {name} is {value}.",
    "That means {name} = {value}.",
    "Therefore {name} must be {value}.",
)
