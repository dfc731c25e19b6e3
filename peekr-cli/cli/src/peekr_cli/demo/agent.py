"""The agent of the demo: a shop assistant that looks things up, asks a model, and answers — wrongly.

Its bug is one that no log shows. The warehouse knows the kettle as ``KTL-BLU``, the model asks for ``KTL-BLUE``,
the look-up returns None, the None goes into the next prompt, and the model answers as if there were stock.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional

import peekr

QUESTION = "Is the blue kettle in stock, and can Dana have it by Friday?"
WAREHOUSE = {"KTL-BLU": 0, "KTL-RED": 31, "TST-STEEL": 8}
POLICIES = [
    "Express delivery takes two working days for orders placed before 15:00.",
    "Returns are free within 30 days.",
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "stock_level",
            "description": "How many of an article are in the warehouse.",
            "parameters": {
                "type": "object",
                "properties": {"sku": {"type": "string"}},
                "required": ["sku"],
                "additionalProperties": False,
            },
        },
    }
]


class ShopAssistant:
    """Answers a customer's question.

    :param client: an ``openai.OpenAI``.
    :ivar trace_id: of the last answer.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.trace_id: Optional[str] = None

    @peekr.trace(name="shop.assistant")
    def answer(self, question: str) -> str:
        """Return the answer, and leave a trace."""
        span = peekr.get_current_span()
        self.trace_id = span.trace_id if span is not None else None
        policies = self.search_policies(question)
        sku = self.choose_article(question)
        stock = self.stock_level(sku=sku)
        messages = [
            {"role": "system", "content": f"Stock of {sku}: {stock}. Answer the customer kindly. Policies: {policies}"},
            {"role": "user", "content": question},
        ]
        return self.compose(messages)

    @peekr.trace(name="tool.search_policies")
    def search_policies(self, query: str) -> List[str]:
        """Return the policies nearest to the question."""
        self.client.embeddings.create(model="text-embedding-3-small", input=query)
        return POLICIES[:1]

    def choose_article(self, question: str) -> str:
        """Let the model choose the tool's argument."""
        message = {"role": "user", "content": question}
        response = self.client.chat.completions.create(model="gpt-4o", messages=[message], tools=TOOLS)
        call = response.choices[0].message.tool_calls[0]
        return str(json.loads(call.function.arguments)["sku"])

    @peekr.trace(name="tool.stock_level")
    def stock_level(self, sku: str) -> Optional[int]:
        """Return how many there are. The bug: an article that is not found has no stock level, so this is None."""
        return WAREHOUSE.get(sku)

    def compose(self, messages: List[Dict[str, str]]) -> str:
        """Ask the good model; the small one, word by word, when that is over its limit."""
        import openai

        try:
            response = self.client.chat.completions.create(model="gpt-4o", messages=messages)
            return str(response.choices[0].message.content)
        except openai.RateLimitError:
            chunks = self.client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@contextmanager
def client_of(base_url: str) -> Iterator[Any]:
    """Give an OpenAI client for this address alone: no proxy, no retries, nothing of the environment's account."""
    with _without("OPENAI_"):
        import openai

        # trust_env: HTTP_PROXY and the like must not stand between the demo and its own endpoint
        http_client = openai.DefaultHttpxClient(trust_env=False)
        with openai.OpenAI(api_key="demo", base_url=base_url, max_retries=0, http_client=http_client) as client:
            yield client


@contextmanager
def _without(prefix: str) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(prefix)}
    try:
        yield
    finally:
        os.environ.update(kept)
