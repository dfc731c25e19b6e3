"""The diagnostic engine: rules as data, evaluated alike in Python and in the page.

``records`` (a span in short keys) → ``aggregation`` (named sums) → ``evaluation`` of ``rule``\\ s whose conditions are
``expressions`` → cards. ``engine`` puts them together for a store; ``actions`` does the same for one call.
"""

from __future__ import annotations

from peekr_dashboard.diagnostics.aggregation import aggregates as aggregates
from peekr_dashboard.diagnostics.engine import Diagnosis as Diagnosis
from peekr_dashboard.diagnostics.engine import diagnose as diagnose
from peekr_dashboard.diagnostics.engine import diagnose_store as diagnose_store
from peekr_dashboard.diagnostics.evaluation import evaluate as evaluate
from peekr_dashboard.diagnostics.registry import Rules as Rules
from peekr_dashboard.diagnostics.registry import installed_rules as installed_rules
from peekr_dashboard.diagnostics.rule import Card as Card
from peekr_dashboard.diagnostics.rule import Fix as Fix
from peekr_dashboard.diagnostics.rule import Rule as Rule
