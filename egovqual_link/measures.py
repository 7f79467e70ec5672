"""Which measure answers which indicator of the instrument; an indicator without one is reported as not probed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from egovqual_link.measures_forms import duplicate_share, guided, most_asking_flow, search_share
from egovqual_link.measures_shares import (
    availability,
    download_failure,
    first_attempt,
    form_error,
    form_lost,
    maintenance,
    over_browsers,
    time_between_outages,
    time_to_recover,
    tls_valid,
    worst_hour,
)
from egovqual_link.measures_waits import download_wait, page_metric, search_latency
from egovqual_link.measuring import Bench, Settings, Value, absent

__all__ = ["MEASURES", "Bench", "Settings", "Value", "absent"]

MEASURES: Mapping[str, Callable[[Bench], Value]] = {
    "search_success_at_k_share": search_share("search_success_share"),
    "search_mrr_ratio": search_share("search_mean_reciprocal_rank"),
    "search_category_share": search_share("search_right_category_share"),
    "search_zero_hit_share": search_share("search_zero_hit_share"),
    "search_latency_p75_seconds": search_latency,
    "duplicate_fields_count": most_asking_flow("form_duplicate_fields"),
    "duplicate_fields_share": duplicate_share,
    "fields_labelled_share": guided("has_label"),
    "fields_with_help_share": guided("has_help"),
    "tls_valid_share": tls_valid,
    "signup_personal_fields_count": most_asking_flow("form_personal_before_login"),
    "download_p75_seconds": download_wait,
    "download_failure_share": download_failure,
    "availability_share": availability,
    "availability_worst_hour_share": worst_hour,
    "mtbf_hours": time_between_outages,
    "mttr_hours": time_to_recover,
    "first_attempt_success_share": first_attempt,
    "form_error_share": form_error,
    "form_input_lost_share": form_lost,
    "ttfb_p75_seconds": page_metric("ttfb_seconds", 0.75),
    "fcp_p75_seconds": page_metric("fcp_seconds", 0.75),
    "lcp_p75_seconds": page_metric("lcp_seconds", 0.75),
    "inp_p75_seconds": page_metric("inp_seconds", 0.75),
    "load_p75_seconds": page_metric("load_seconds", 0.75),
    "page_weight_p75_bytes": page_metric("transferred_bytes", 0.75),
    "page_requests_p75_count": page_metric("requests", 0.75),
    "browser_device_success_share": lambda bench: over_browsers(bench, worst=False),
    "browser_device_worst_share": lambda bench: over_browsers(bench, worst=True),
    "cls_p75_score": page_metric("cls", 0.75),
    "maintenance_share": maintenance,
}
