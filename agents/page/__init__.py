"""An evaluation as one page of HTML that needs no network (docs/report.md): a file per picture, and the page."""
