"""Names of models as SDKs, gateways and clouds write them → who sells the model, and under which name."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

#: ``attributes["provider"]``, LangChain's ``ls_provider`` and prefixes of gateways → provider in the price data.
PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "azure": "azure",
    "azure_openai": "azure",
    "azure_ai": "azure",
    "foundry": "azure",
    "bedrock": "aws",
    "amazon_bedrock": "aws",
    "bedrock_converse": "aws",
    "aws": "aws",
    "gemini": "google",
    "google": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "google_anthropic_vertex": "google",
    "vertex": "google",
    "vertexai": "google",
    "vertex_ai": "google",
    "mistral": "mistral",
    "mistralai": "mistral",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "groq": "groq",
    "xai": "x-ai",
    "x-ai": "x-ai",
    "together": "together",
    "together_ai": "together",
    "fireworks": "fireworks",
    "fireworks_ai": "fireworks",
    "perplexity": "perplexity",
    "openrouter": "openrouter",
    "cerebras": "cerebras",
    "voyageai": "voyageai",
    "voyage": "voyageai",
    "moonshot": "moonshotai",
    "moonshotai": "moonshotai",
    "minimax": "minimax",
    "zhipuai": "zhipuai",
    "databricks": "databricks",
    "cloudflare": "cloudflare",
    "baseten": "baseten",
}
#: Vendors in the ids of Bedrock: ``anthropic.claude-…``, behind a region or not.
_BEDROCK = re.compile(
    r"(?:(?:us|us-gov|eu|apac|ap|au|jp|ca|sa|global)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen"
    r"|stability|twelvelabs|writer|zai)\.[a-z0-9].*"
)
_GEMINI_PATH = re.compile(r"(?:.*/)?(?:publishers/[^/]+/)?models/")
_ARN = re.compile(r"arn:aws[^:]*:bedrock:[^/]*?:(?:foundation-model|inference-profile)/")
#: A release's date or number at the end of a name, or the alias of the newest one.
_DATED = re.compile(r"[-@:](?:20\d\d-?\d\d-?\d\d|\d{4}|\d\d-20\d\d|\d\d-\d\d|00\d|latest)(?:-v\d+(?::\d+)?)?$")


def candidates(model: str, provider: Optional[str]) -> List[Tuple[Optional[str], str]]:
    """Return pairs of provider (None: whoever has it) and name to look for, the most certain first.

    ``("gpt-4o-2099-01-01", "openai")`` gives the name as it is, then ``gpt-4o``.
    """
    name = model.strip().lower()
    seller = provider.lower() if provider else None
    seller = PROVIDERS.get(seller, None if seller == "litellm" else seller) if seller else None
    seller, name = _placed(seller, name)
    undated = _DATED.sub("", name)
    return [(seller, each) for each in dict.fromkeys((name, undated)) if each]


def _placed(seller: Optional[str], name: str) -> Tuple[Optional[str], str]:
    """Undo what a cloud's or gateway's path adds to a name."""
    if name.startswith("arn:"):
        return "aws", _ARN.sub("", name)
    if "models/" in name and seller in (None, "google"):
        return "google", _GEMINI_PATH.sub("", name)
    first, slash, rest = name.partition("/")
    if slash and first in PROVIDERS and seller in (None, PROVIDERS[first]) and seller != "openrouter":
        return _placed(PROVIDERS[first], rest)
    if seller in (None, "anthropic") and _BEDROCK.fullmatch(name):
        return "aws", name
    return seller, name
