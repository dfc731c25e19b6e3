"""The provider keeps what every provider keeps."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from peekr.testing.conformance import ProviderConformance
from peekr_litellm import LiteLLMProvider

litellm = pytest.importorskip("litellm", reason="litellm is not installed")


class TestLiteLLMProvider(ProviderConformance):
    entry_point = "litellm"

    @pytest.fixture(autouse=True)
    def _api(self, api: Any, kit: Any) -> None:
        self.api, self.kit = api, kit

    def make_provider(self) -> Any:
        return LiteLLMProvider()

    def call(self) -> Any:
        return self.kit.plain(litellm.completion(**self.api.chat()))

    def call_failing(self) -> Any:
        self.api.fails(429, "slow down")
        return litellm.completion(**self.api.chat(max_retries=0))

    def stream(self) -> Any:
        return [self.kit.plain(chunk) for chunk in litellm.completion(**self.api.chat(stream=True))]

    def methods(self) -> Any:
        from litellm.litellm_core_utils.litellm_logging import Logging

        return [
            *((litellm.Router, name) for name in ("completion", "acompletion", "embedding", "aembedding")),
            *((litellm.CustomStreamWrapper, name) for name in ("__init__", "__next__", "__anext__")),
            *((Logging, name) for name in ("pre_call", "success_handler", "async_success_handler")),
        ]


def test_instrument_before_the_import_of_litellm_traces_it() -> None:
    """INST-7, INST-15: in a process where nothing of LiteLLM is imported yet."""
    code = (
        "import peekr\n"
        "from peekr.testing import record\n"
        "with record() as recording:\n"
        "    from litellm import completion\n"
        "    completion('gpt-4o', [{'role': 'user', 'content': 'hi'}], mock_response='Paris.')\n"
        "    print(recording.only.name, recording.only.attributes['output'])\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == ["litellm.completion", "Paris."], done.stderr
