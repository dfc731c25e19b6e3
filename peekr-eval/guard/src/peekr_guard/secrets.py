"""What keys and tokens of well-known services look like."""

from __future__ import annotations

from typing import Dict, Tuple

#: Regular expressions by what they find. Each begins with the literal that its issuer documents, so that a search
#: jumps from one to the next; that no word goes on before it is looked at after that.
PATTERNS: Dict[str, str] = {
    "anthropic key": r"sk-ant-(?<![A-Za-z0-9]sk-ant-)[A-Za-z0-9_-]{16,}",
    "openai key": r"sk-(?<![A-Za-z0-9]sk-)(?!ant-)(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{16,}",
    "google key": r"AIza(?<![A-Za-z0-9]AIza)[0-9A-Za-z_-]{30,}",
    "google token": r"ya29\.(?<![A-Za-z0-9]ya29\.)[0-9A-Za-z_-]{20,}",
    "github token": r"gh[pousr]_(?<![A-Za-z0-9]gh[pousr]_)[A-Za-z0-9]{20,}",
    "github fine-grained token": r"github_pat_(?<![A-Za-z0-9]github_pat_)[A-Za-z0-9_]{20,}",
    "slack token": r"xox[abeoprs]-(?<![A-Za-z0-9]xox[abeoprs]-)[A-Za-z0-9-]{10,}",
    "slack app token": r"xapp-[0-9]-(?<![A-Za-z0-9]xapp-[0-9]-)[A-Za-z0-9-]{10,}",
    "aws key id": r"A(?:KIA|SIA)(?<![A-Za-z0-9]A[KS]IA)[0-9A-Z]{16}(?![0-9A-Za-z])",
    "gitlab token": r"glpat-(?<![A-Za-z0-9]glpat-)[A-Za-z0-9_-]{16,}",
    "stripe key": r"[rs]k_(?:live|test)_(?<![A-Za-z0-9][rs]k_(?:live|test)_)[A-Za-z0-9]{16,}",
    "hugging face token": r"hf_(?<![A-Za-z0-9]hf_)[A-Za-z0-9]{20,}",
    "pem header": r"-----BEGIN (?:[A-Z0-9]+ ){0,3}(?:PRIVATE KEY|CERTIFICATE)(?: BLOCK)?-----",
    "bearer token": r"[Bb]earer(?<![A-Za-z0-9][Bb]earer)\s+[A-Za-z0-9._~+/-]{16,}=*",
    "json web token": r"eyJ(?<![A-Za-z0-9]eyJ)[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
}
COMMON_SECRETS: Tuple[str, ...] = tuple(PATTERNS.values())
NAMES: Dict[str, str] = {pattern: name for name, pattern in PATTERNS.items()}
