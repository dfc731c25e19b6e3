"""What a replay will cost, before anything is sent: the tokens it took last time, at today's prices."""

from __future__ import annotations

import time
from typing import Optional, Sequence, Tuple

from peekr.prices import computed_cost
from peekr.replay import Plan, Step


def estimate(plans: Sequence[Plan], now: Optional[float] = None) -> Tuple[Optional[float], int]:
    """Return US dollars, None if no call's price is known, and the number of calls whose price is not known.

    The answers may be longer or shorter this time, and failed calls have no tokens: it is an estimate.
    """
    when = time.time() if now is None else now
    costs = [_cost(step, when) for plan in plans for step in plan.steps]
    known = [cost for cost in costs if cost is not None]
    return (sum(known) if known else None), len(costs) - len(known)


def _cost(step: Step, when: float) -> Optional[float]:
    attributes = dict(step.old.attributes)
    if step.model is not None and step.model != attributes.get("model_requested", attributes.get("model")):
        attributes["model"] = step.model
    return computed_cost(attributes, when)
