"""Which methods of the SDK make a span, and how the span is called."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

import attrs


@attrs.frozen
class Operation:
    """One endpoint.

    :ivar name: of the span.
    :ivar family: which extraction fits its request and response.
    :ivar kind: ``llm`` where a model generates; None, that is ``function``, where nothing is billed by tokens.
    :ivar streaming: whether the answer comes in chunks.
    """

    name: str
    family: str
    kind: Optional[str] = "llm"
    streaming: bool = False


GENERATE = Operation("gemini.generate_content", "generate")
STREAM = Operation("gemini.generate_content_stream", "generate", streaming=True)
EMBED = Operation("gemini.embed_content", "embed", "embedding")
COUNT = Operation("gemini.count_tokens", "count", None)
INTERACTION = Operation("gemini.interactions", "interactions")
INTERACTION_STREAM = Operation("gemini.interactions", "interactions", streaming=True)

#: Methods of ``Models`` and ``AsyncModels``: the inner one, behind every helper, or else the public one.
METHODS: Dict[Tuple[str, ...], Operation] = {
    ("_generate_content", "generate_content"): GENERATE,
    ("_generate_content_stream", "generate_content_stream"): STREAM,
    ("_embed_content", "embed_content"): EMBED,
    ("count_tokens",): COUNT,
    ("compute_tokens",): Operation("gemini.compute_tokens", "count", None),
    ("_generate_images", "generate_images"): Operation("gemini.generate_images", "media"),
    ("_edit_image", "edit_image"): Operation("gemini.edit_image", "media"),
    ("_upscale_image", "upscale_image"): Operation("gemini.upscale_image", "media"),
    ("_generate_videos", "generate_videos"): Operation("gemini.generate_videos", "media"),
}
