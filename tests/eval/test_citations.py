"""Sources that an answer names (contract CITE-1, CITE-2)."""

from __future__ import annotations

from typing import Any, List

import pytest

from peekr.eval import CitationAccuracy
from peekr_eval.citations import references


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("See https://example.com/a/b.", "url", "https://example.com/a/b"),
        ("(https://en.wikipedia.org/wiki/Paris_(city))", "url", "https://en.wikipedia.org/wiki/Paris_(city)"),
        ("[docs](https://x.org/a)", "url", "https://x.org/a"),
        ("www.example.com/x, and", "url", "www.example.com/x"),
        ("arXiv:1706.03762v5", "arxiv", "arXiv:1706.03762v5"),
        ("https://arxiv.org/abs/1706.03762", "arxiv", "https://arxiv.org/abs/1706.03762"),
        ("doi:10.1000/xyz123.", "doi", "doi:10.1000/xyz123"),
        ("https://doi.org/10.1038/s41586-020-2649-2", "doi", "https://doi.org/10.1038/s41586-020-2649-2"),
        ("Vaswani et al. 2017 show", "author_year", "Vaswani et al. 2017"),
        ("Vaswani et al. (2017)", "author_year", "Vaswani et al. (2017)"),
        ("(Smith and Jones, 2019)", "author_year", "Smith and Jones, 2019"),
        ("Müller (2001a) said", "author_year", "Müller (2001a)"),
        ("as Section 4.2 says", "section", "Section 4.2"),
        ("under § 12(3)", "section", "§ 12(3)"),
        ("Article 17 applies", "section", "Article 17"),
        ('According to "Attention Is All You Need", it', "title", "Attention Is All You Need"),
        ("in the paper “Deep Learning”", "title", "Deep Learning"),
    ],
)
def test_every_kind_of_reference_is_found(text: str, kind: str, found: str) -> None:
    """CITE-1."""
    assert [(each.kind, each.text) for each in references(text)] == [(kind, found)]


@pytest.mark.parametrize(
    "text",
    ["In May 2020 it rained.", "Windows 2000", 'He said "hello there" to her.', "section of the road", "10.5/3", ""],
)
def test_what_cites_nobody_is_no_reference(text: str) -> None:
    """CITE-1: none → 1.0."""
    assert references(text) == []


def details(span: Any, output: str, context: str, **attributes: Any) -> Any:
    judged = span(output, context or None, **attributes)
    score = CitationAccuracy().evaluate(judged)
    return score, judged.attributes["citation_details"]


def test_the_score_is_the_grounded_share_and_every_item_is_stored(span: Any) -> None:
    """CITE-1, CITE-2."""
    score, stored = details(
        span, "Smith et al. 2020 and https://made.up/x say so; see section 3.", "Smith, A. (2020), Section 3"
    )
    assert score == pytest.approx(2 / 3)
    assert (stored["total"], stored["grounded"], stored["invented"]) == (3, 2, 1)
    assert stored["items"] == [
        {"kind": "author_year", "text": "Smith et al. 2020", "grounded": True},
        {"kind": "url", "text": "https://made.up/x", "grounded": False},
        {"kind": "section", "text": "section 3", "grounded": True},
    ]


def test_nothing_cited_scores_one(span: Any) -> None:
    """CITE-1."""
    assert details(span, "Paris.", "x") == (1.0, {"total": 0, "grounded": 0, "invented": 0, "items": []})
    assert details(span, "", "")[0] == 1.0


@pytest.mark.parametrize(
    ("output", "context"),
    [
        ("HTTPS://Example.com/Docs/", "at example.com/docs."), ("ARXIV: 1706.03762", "arxiv.org/abs/1706.03762v7"),
        ("doi:10.1000/ABC", "https://doi.org/10.1000/abc"), ("Section  4.2", "SECTION 4.2."), ("§ 4", "Sec. 4"),
        ('the paper "Attention  is all you need"', "ATTENTION IS\nALL YOU NEED"),
        ("Smith et al. 2020", "SMITH, J. and  others 2020"),
    ],
)  # fmt: skip
def test_case_and_spacing_make_no_difference(span: Any, output: str, context: str) -> None:
    """CITE-2."""
    assert details(span, output, context)[0] == 1.0


@pytest.mark.parametrize(
    ("output", "context"),
    [
        ("https://x.org/a", "https://x.org/a/b"), ("https://x.org/a", "https://x.org/ab"), ("Section 4", "Section 4.2"),
        ("Section 4", "Section 42"), ("Smith et al. 2020", "Smith 1999, and Jones 2020 said" + " x" * 100 + " 2020x"),
        ("arXiv:1706.03762", "arXiv:1706.037621"), ("doi:10.1000/abc", "doi:10.1000/abcd"),
    ],
)  # fmt: skip
def test_what_only_begins_alike_is_not_the_source(span: Any, output: str, context: str) -> None:
    """CITE-1: section 4 is not section 4.2."""
    if output.startswith("Smith"):
        context = context.replace("Jones 2020", "Jones")
    assert details(span, output, context)[0] == 0.0


def test_evidence_is_context_and_an_extractor_replaces_all(span: Any) -> None:
    """CITE-1, MEM-5: addresses and titles of chunks count."""
    chunks: List[Any] = [{"n": 1, "id": "a", "text": "text", "title": "Deep Learning", "source_url": "https://x.org/p"}]
    output = 'See https://x.org/p and the book "Deep Learning".'
    assert details(span, output, "q", evidence_chunks=chunks)[0] == 1.0
    assert (
        CitationAccuracy(context_extractor=lambda s: ["x.org/p"]).evaluate(span(output, evidence_chunks=chunks)) == 0.5
    )


def test_a_long_hostile_text_is_read_quickly(span: Any) -> None:
    """Bad input: no pattern runs away on 100 KB."""
    for text in (
        "A" * 100_000,
        "Aa " * 30_000,
        "see " * 25_000,
        "(" * 100_000,
        "https://" + "a)" * 50_000,
        '"' * 100_000,
    ):
        references(text)
        details(span, "https://x.org/" + "a" * 500, text)
