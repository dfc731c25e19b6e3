"""docs/plugins.md, followed to the letter: its examples are installed and used as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, List

import pytest

GUIDE = Path(__file__).parents[2] / "docs/plugins.md"

ACME = """
    class Client:
        def chat(self, model, text):
            if not text:
                raise RuntimeError("nothing to say")
            return type("Answer", (), {"text": text.upper()})
    """
TRACE = """
    import peekr
    from peekr.exporters import add_exporter

    class Show:
        def export(self, span):
            print(span.name, span.status, span.attributes.get("model"), span.attributes.get("output"))

    peekr.instrument(console=False, storage=None)
    add_exporter(Show())
    import acme
    acme.Client().chat("m", "hi")
    try:
        acme.Client().chat("m", "")
    except RuntimeError as error:
        print(error)
    peekr.flush()
    peekr.uninstrument()
    acme.Client().chat("m", "unseen")
    """


def _blocks(language: str) -> List[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)


def _entries(toml: str) -> Any:
    return {
        group: entry.replace('"', "")
        for group, entry in re.findall(r'^\[project\.entry-points\."(.+?)"\]\n(.+)$', toml, re.M)
    }


def test_the_exporter_and_store_of_the_guide_pass_the_suites_that_it_shows(
    plugin: Any, python: Any, tmp_path: Path
) -> None:
    """IFACE-1, IFACE-2, PKG-6: a stranger's distribution, on equal terms"""
    code, tests = _blocks("python")[:2]
    plugin("peekr_lines", code, _entries(_blocks("toml")[0]), distribution="peekr-lines")
    (tmp_path / "test_lines.py").write_text(tests, encoding="utf-8")
    out = python("import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'test_lines.py']))")
    assert re.search(r"^\d+ passed", out, re.M) and "failed" not in out and "skipped" not in out


def test_the_provider_of_the_guide_traces_its_sdk(plugin: Any, python: Any) -> None:
    """IFACE-4, INST-17"""
    folder = plugin("peekr_acme", _blocks("python")[2], {"peekr.providers": "acme = peekr_acme:AcmeProvider"})
    (folder / "acme.py").write_text(re.sub(r"^ {4}", "", ACME, flags=re.M), encoding="utf-8")
    assert python(TRACE) == "nothing to say\nacme.chat ok m HI\nacme.chat error m None\n"


@pytest.mark.parametrize("entry", ["Table", "Table()"])
def test_a_price_table_may_be_a_class_or_an_object(plugin: Any, python: Any, entry: str) -> None:
    """IFACE-5: price(model, provider) is all that it takes"""
    source = f"""
        from peekr.prices import Price
        class Table:
            def price(self, model, provider):
                return Price(input=1.0, output=2.0) if model == "acme-1" else None
        table = {entry}
        """
    plugin("acme_prices", source, {"peekr.prices": "acme = acme_prices:table"})
    look = "from peekr.price_tables import price_of; print(price_of('acme-1', 'acme').output)"
    assert python(look) == "2.0\n"
