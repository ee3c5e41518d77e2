"""Plotly's JavaScript, which the page carries with it."""

from ...fastsim.errors import InputError


def plotly_js() -> str:
    """The library, 4.8 MB. Raises InputError where Plotly is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        remedy = "pip install 'tidegate[report]'"
        raise InputError("--report", "package", "plotly", "is not installed", remedy) from error
    return get_plotlyjs()
