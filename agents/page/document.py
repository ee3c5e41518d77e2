"""The page as HTML: one file that loads nothing, and that may not, by its own content security policy."""

from collections.abc import Sequence
from html import escape

from ..evaluation.report import Report
from ..evaluation.table import beyond
from .headline import headline, remarks
from .library import plotly_js
from .names import Names
from .picture import Picture
from .sections import POLICY, data_of, script, section, style
from .table import reading, table

PAGE = """<!doctype html>
<html lang=en>
<head>
<meta charset=utf-8>
<meta http-equiv=Content-Security-Policy content="{policy}">
<meta name=viewport content="width=device-width, initial-scale=1">
<meta name=color-scheme content="light dark">
<title>{heading}</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<p class=kicker>Tidegate evaluation</p>
<h1>{title}</h1>
<p class="headline {verdict}">{headline} <span class=detail>{detail}</span> <span class=detail>{rule}</span></p>
<dl class=facts>{facts}</dl>
<pre class=command tabindex=0>{command}</pre>
</header>
<section class="card wide" id=policies>
<h2>All policies</h2>
<p class=reading>{reading}</p>
{table}
<ul class=notes>{notes}</ul>
</section>
{sections}
</main>
<noscript><p>The pictures need JavaScript; the table does not.</p></noscript>
<script type=application/json id=pictures>{data}</script>
<script>{library}</script>
<script>{script}</script>
</body>
</html>
"""


def document(names: Names, report: Report, pictures: Sequence[Picture], command: str) -> str:
    """All of it; `command` is what makes this page again, or nothing."""
    verdict, sentence, detail, rule = headline(names, report)
    return PAGE.format(
        policy=POLICY,
        heading=f"{names.scenario}: Tidegate evaluation",
        style=style(),
        title=names.title,
        verdict=verdict,
        headline=sentence.replace(" %", "\u00a0%"),
        detail=detail,
        rule=rule,
        facts="".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in _facts(names, report)),
        command=escape(command),
        reading=reading(names, report),
        table=table(names, report),
        notes="".join(f"<li>{note}</li>" for note in (*remarks(names, report), *_notes(report))),
        sections="\n".join(map(section, pictures)),
        data=data_of(pictures),
        library=plotly_js(),
        script=script(),
    )


def _facts(names: Names, report: Report) -> list[tuple[str, str]]:
    work = names.trace or "drawn work"
    load = "" if report.load is None else f", load {report.load:g}"
    return [
        ("scenario", names.scenario),
        ("work", f"{work}{load}"),
        ("episodes", f"{report.episodes:,}"),
        ("seed", str(report.seed)),
        *([("delay cost", f"× {report.delay_factor:g}")] if report.delay_factor != 1 else []),
        ("digest of the scenario", f"<code>{escape(report.digest)}</code>"),
    ]


def _notes(report: Report) -> list[str]:
    return [f"{escape(_as_sentence(note))}." for note in (*report.notes, *beyond([report], is_whole=True))]


def _as_sentence(note: str) -> str:
    """With a capital, unless the first word is a name: of a policy, or of a file."""
    return note[:1].upper() + note[1:] if note.split(" ")[0].isalpha() else note
