"""The provider keeps what every provider keeps."""

from __future__ import annotations

from typing import Any

import botocore.client
import pytest

from peekr.testing import record
from peekr.testing.conformance import ProviderConformance
from peekr_bedrock import BedrockProvider


class TestBedrockProvider(ProviderConformance):
    entry_point = "bedrock"

    @pytest.fixture(autouse=True)
    def _script(self, api: Any) -> None:
        self.api = api

    def make_provider(self) -> Any:
        return BedrockProvider()

    def call(self) -> Any:
        answer = self.api.converse()
        answer["ResponseMetadata"].pop("HTTPHeaders")
        return answer

    def call_failing(self) -> Any:
        self.api.answers = [self.api.failure("ValidationException", "no such parameter", 400)]
        return self.call()

    def stream(self) -> Any:
        return list(self.api.stream()["stream"])

    def methods(self) -> Any:
        return [(botocore.client.BaseClient, "_make_api_call")]


def test_a_client_made_before_instrument_is_traced(api: Any) -> None:
    """INST-7."""
    client = api.client()
    with record(plugins=["bedrock"]) as recording:
        client.converse(modelId=api.model, messages=api.messages)
        assert recording.only.name == "bedrock.converse"


def test_botocore_may_be_imported_after_instrument() -> None:
    """INST-7: the class is patched as soon as its module is there, long after the package was imported."""
    import subprocess
    import sys

    code = (
        "import peekr, sys; peekr.instrument(console=False, storage=None); assert 'botocore' not in sys.modules\n"
        "import botocore; import botocore.client as c; print(c.BaseClient._make_api_call.__peekr__)\n"
        "peekr.uninstrument(); print(hasattr(c.BaseClient._make_api_call, '__peekr__'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["bedrock", "False"], done.stderr


def test_an_sdk_whose_function_has_moved_works_untraced(
    api: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """INST-8, INST-13."""
    client = api.client()
    inner = botocore.client.BaseClient._make_api_call
    monkeypatch.delattr(botocore.client.BaseClient, "_make_api_call")
    monkeypatch.setattr(type(client), "_make_api_call", inner, raising=False)
    with record(plugins=["bedrock"]) as recording:
        answer = client.converse(modelId=api.model, messages=api.messages)
        assert recording.spans == []
    assert answer["stopReason"] == "end_turn"
    assert "_make_api_call" in caplog.text
