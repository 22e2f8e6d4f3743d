# SPDX-License-Identifier: Apache-2.0
"""What a failover may take at most, and whether it did. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bench.report import FailoverRow, RowVerdict

LEEWAY = 0.004
"""Seconds on top of the protocol's formula; or what keepalived took on top of it in the same run, if that is more."""

PLANNED = 0.005
"""Seconds for which nobody answers in a planned switch, at most."""


def judge(row: FailoverRow) -> RowVerdict | None:
    """Of a row that has figures of ours."""
    if row.bascule is None:
        return None
    if row.fault == "planned":
        return _verdict(row, "nobody answers for <= 5 ms", PLANNED, row.bascule.first_answer_s)
    theirs = row.keepalived.last_advert_to_garp_s - row.formula_s if row.keepalived is not None else 0.0
    rule = "formula + 4 ms" if theirs <= LEEWAY else "formula + keepalived's own excess"
    return _verdict(row, f"<= {rule}", row.formula_s + max(LEEWAY, theirs), row.bascule.last_advert_to_garp_s)


def _verdict(row: FailoverRow, rule: str, bound: float, found: float) -> RowVerdict:
    return RowVerdict(
        version=row.version,
        advert_int=row.advert_int,
        fault=row.fault,
        rule=rule,
        bound_s=bound,
        found_s=found,
        held=found <= bound,
    )


def judge_all(rows: Iterable[FailoverRow]) -> tuple[RowVerdict, ...]:
    """Of each row that can be judged, in their order."""
    return tuple(verdict for verdict in map(judge, rows) if verdict is not None)
