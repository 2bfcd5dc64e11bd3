"""Equity and drawdown over the time of a P&L report, as SVG or PNG."""

from pathlib import Path

from canary_cli.errors import UsageError
from canary_cli.steps.pnl import Report

INK, LOSS = "#3b4252", "#b5413a"


def plot(report: Report, path: Path) -> None:
    """Raises UsageError where there is nothing to draw, or the file cannot be written."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    samples = [sample for sample in report.equity if sample.equity is not None]
    if not samples:
        raise UsageError("--plot: no equity was written down in this time", "choose another --from")
    with mpl.rc_context({"svg.hashsalt": "canary", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 5), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(2, 1))
        times = [sample.time for sample in samples]
        upper.plot(times, [float(sample.equity or 0) for sample in samples], color=INK, linewidth=1)
        upper.set_ylabel("equity, USDT")
        lower.fill_between(times, [float(sample.drawdown_pct or 0) for sample in samples], 0, color=LOSS, alpha=0.4)
        lower.set_ylabel("drawdown, %")
        figure.suptitle(f"{report.account}: net {report.pnl.net:.2f} USDT in {report.pnl.trades} trades")
        try:
            figure.savefig(path, format=path.suffix.lstrip(".") or "svg", metadata={})
        except (OSError, ValueError) as error:
            raise UsageError(f"--plot {path}: {error}", "name an .svg or .png file in a folder that exists") from None
