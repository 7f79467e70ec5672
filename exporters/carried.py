"""A histogram that goes on counting where an earlier process stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

_SampleKey = tuple[str, frozenset[tuple[str, str]]]


def _bound(text: str) -> str:
    """A bucket's bound as this client writes it: a Pushgateway writes 1 where it was told 1.0."""
    return str(floatToGoString(float(text)))  # type: ignore[no-untyped-call]  # the client's


def _key(sample: Sample) -> _SampleKey:
    labels = {name: _bound(value) if name == "le" else value for name, value in sample.labels.items()}
    return sample.name, frozenset(labels.items())


class CarriedHistogram(Histogram):
    """A Histogram with counts of an earlier process added at collection (the client can only observe one by one)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        # Before the base class registers, for a registry collects what is registered. The client makes a series of
        # this class for every label set too, so the signature must stay the client's.
        self._earlier: dict[_SampleKey, float] = {}
        super().__init__(*args, **options)

    def carry(self, labels: Mapping[str, str], samples: Sequence[Sample]) -> bool:
        """Add one earlier series (its `_bucket`, `_sum` and `_count` samples).

        False, and nothing is added: its buckets are other ones, so the series starts anew, as after a restart.
        """
        bounds = {_bound(sample.labels["le"]) for sample in samples if sample.name.endswith("_bucket")}
        if bounds != {_bound(str(bound)) for bound in self._upper_bounds}:
            return False
        self.labels(**labels)
        for sample in samples:
            self._earlier[_key(sample)] = self._earlier.get(_key(sample), 0.0) + sample.value
        return True

    def remove_by_labels(self, labels: dict[str, str]) -> None:
        """Forget the series that have these labels, and what was carried for them."""
        super().remove_by_labels(labels)
        gone = frozenset(labels.items())
        for key in [key for key in self._earlier if gone <= key[1]]:
            del self._earlier[key]

    def collect(self) -> Iterable[Metric]:
        """The family with what was carried added."""
        for family in super().collect():
            if self._earlier:
                family.samples = [
                    sample._replace(value=sample.value + self._earlier.get(_key(sample), 0.0))
                    for sample in family.samples
                ]
            yield family
