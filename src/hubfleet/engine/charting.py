"""A chart's files, and the values as Helm gets them with these."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from hubfleet.errors import HubfleetError, Layer
from hubfleet.hubs import Chart, charts
from hubfleet.hubs.finishing import finished
from hubfleet.tools import charts as files
from hubfleet.tools.helm import Helm

_BESIDE = "templates/hubfleet.yaml"


@contextmanager
def ready(
    chart: Chart, values: Mapping[str, Any], helm: Helm, beside: Sequence[Mapping[str, Any]] = ()
) -> Generator[tuple[Path, Mapping[str, Any]]]:
    """For Helm, as long as this lasts: where the chart is, fetched if it has to be, and values in which every null
    takes a default away. Where that is for no value to do, the chart is a copy without the default; and a copy that
    makes these objects `beside` its own."""
    place = _place(chart, helm)
    defaults = charts.every_default(place)
    if defaults is None:
        yield place, values
        return
    done = finished(values, defaults)
    if not done.taken and not beside:
        yield place, done.values
        return
    with tempfile.TemporaryDirectory(prefix="hubfleet-chart-") as folder:
        content = charts.without(place, done.taken)
        if beside:
            content[_BESIDE] = yaml.safe_dump_all(map(dict, beside)).encode()
        yield files.write(content, Path(folder) / chart.name), done.values


def _place(chart: Chart, helm: Helm) -> Path:
    if chart.path is not None:
        return chart.path
    if chart.mirrored is not None:
        return _checked(chart, chart.mirrored)
    if chart.repository is None:
        raise HubfleetError(f"the chart {chart} has neither a folder nor a repository", layer=Layer.CHART)
    return helm.pull(chart.repository, chart.name, chart.version, chart.sha256)


def _checked(chart: Chart, archive: Path) -> Path:
    if not archive.is_file() or (chart.sha256 and files.sha256(archive) != chart.sha256):
        what = f"the mirror does not have the chart {chart}"
        why = f"{archive} is {'another one than is pinned' if archive.is_file() else 'not there'}"
        remedy = "fill it where there is a network: hubfleet charts mirror DIR PATH"
        raise HubfleetError(what, why=why, remedy=remedy, layer=Layer.CHART)
    return archive
