"""Puts an explanation into docs/explain.md: `tidegate explain … | python docs/explain.py`."""

import re
import sys
from pathlib import Path

PAGE = Path(__file__).with_name("explain.md")
BEGIN, END = "<!-- example: begin -->", "<!-- example: end -->"


def main() -> None:
    """Rewrite what stands between the markers with what stdin holds."""
    text = f"{BEGIN}\n```text\n{sys.stdin.read().rstrip()}\n```\n{END}"
    document = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda _: text, document), encoding="utf-8")


if __name__ == "__main__":
    main()
