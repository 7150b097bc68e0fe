"""The chat template of a trained student.

Servers and harnesses that use it ask exactly what training asked.
"""

from stages.core.chat import QUESTION

ROLES = "this student knows no message but the user's and the assistant's"


def chat_template(prompt: str) -> str:
    """Returns the Jinja template that renders a user's message as the prompt template `prompt`.

    Answers end as the student learned to end them. The generation header is a part of `prompt`, and
    so comes with every user's message. A special token's text in a message stays that token, which
    the stages' own prompts do not let happen.
    """
    # for example {{ 'Question: ' }}{{ message.content }}{{ '\n' }}
    literals = ["{{ " + ascii(part) + " }}" for part in prompt.split(QUESTION)]
    user_turn = "{{ message.content }}".join(literals)
    return (
        f"{{% for message in messages %}}{{% if message.role == 'user' %}}{user_turn}"
        "{% elif message.role == 'assistant' %}{{ message.content + eos_token }}"
        f"{{% else %}}{{{{ raise_exception({ROLES!r}) }}}}{{% endif %}}{{% endfor %}}"
    )
