"""What every scenario does is what it did when golden_digests.json was written, to the bit."""

import json

from .golden_digests import FILE, digests


def test_scenarios_do_what_they_did():
    expected = json.loads(FILE.read_text(encoding="utf-8"))
    assert len(expected) >= 32
    assert digests() == expected, "if a world was meant to change: python -m tests.golden_digests"
