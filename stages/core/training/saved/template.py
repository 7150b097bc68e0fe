"""The chat template of a trained student: servers and harnesses that use it ask what training
asked.
"""

from stages.core.chat import QUESTION

ROLES = "this student knows no message but the user's and the assistant's"


def chat_template(prompt: str) -> str:
    """The Jinja template that renders a user's message as `prompt`, a prompt template, has it;
    answers end as learned.

    The generation header stands in `prompt`, and so comes with every user's message. A special
    token's text in a message stays that token, which the stages' own prompts do not let happen.
    """
    user = "{{ message.content }}".join(
        "{{ " + ascii(part) + " }}" for part in prompt.split(QUESTION)
    )
    return (
        f"{{% for message in messages %}}{{% if message.role == 'user' %}}{user}"
        "{% elif message.role == 'assistant' %}{{ message.content + eos_token }}"
        f"{{% else %}}{{{{ raise_exception({ROLES!r}) }}}}{{% endif %}}{{% endfor %}}"
    )
