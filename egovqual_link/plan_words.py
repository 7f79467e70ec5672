"""What a plan asks and assumes, in words of both languages."""

from __future__ import annotations

from typing import Final

from egovqual_link.instrument import Language, Text

QUESTIONS: Final[dict[str, Text]] = {
    "correlation_power": Text(
        en="Portals so that a rank correlation over portals is found",
        id="Portal agar korelasi peringkat antarportal ditemukan",
    ),
    "correlation_precision": Text(
        en="Portals so that the interval of that correlation is narrow",
        id="Portal agar selang korelasi itu sempit",
    ),
    "repeated_power": Text(
        en="Portals so that a correlation within portals, over waves, is found",
        id="Portal agar korelasi di dalam portal, antargelombang, ditemukan",
    ),
    "gap_power": Text(en="Respondents so that a gap is found", id="Responden agar kesenjangan ditemukan"),
    "gap_precision": Text(
        en="Respondents so that the interval of a gap is narrow", id="Responden agar selang kesenjangan sempit"
    ),
    "latency_precision": Text(
        en="Days of probing so that the p75 of a wait is known closely",
        id="Hari pengujian agar p75 waktu tunggu diketahui dengan teliti",
    ),
    "availability_precision": Text(
        en="Checks so that the availability is known closely",
        id="Pemeriksaan agar ketersediaan diketahui dengan teliti",
    ),
}
ASSUMPTIONS: Final[dict[str, Text]] = {
    "spearman": Text(
        en="true Spearman correlation {correlation}; indicator and score normal up to any rising transformation, "
        "no ties",
        id="korelasi Spearman sebenarnya {correlation}; indikator dan skor normal sampai transformasi naik apa pun, "
        "tanpa nilai kembar",
    ),
    "units": Text(
        en="portals are independent of each other, one wave each; respondents are no units",
        id="portal saling bebas, masing-masing satu gelombang; responden bukan unit",
    ),
    "power": Text(
        en="power {power}, two-sided test at the level {alpha}",
        id="kuasa {power}, uji dua sisi pada taraf {alpha}",
    ),
    "permutation": Text(
        en="test: the permutation test of the analysis, exact up to 8 units, 9,999 orders above",
        id="uji: uji permutasi analisis ini, eksak sampai 8 unit, 9.999 urutan di atasnya",
    ),
    "correlation_width": Text(
        en="half width {correlation_half_width} at level {level}",
        id="setengah lebar {correlation_half_width} pada taraf {level}",
    ),
    "bootstrap_units": Text(
        en="interval: bootstrap over units, expanded percentile, as in the analysis",
        id="selang: bootstrap atas unit, persentil yang diperluas, seperti dalam analisis",
    ),
    "within": Text(
        en="true correlation within a portal {correlation}, the same in all; what differs between portals drops out",
        id="korelasi sebenarnya di dalam portal {correlation}, sama di semua portal; beda antarportal tidak ikut",
    ),
    "waves": Text(
        en="{waves} waves of each portal, independent of each other once the portal's mean is taken off",
        id="{waves} gelombang tiap portal, saling bebas setelah rata-rata portal dikurangkan",
    ),
    "rm_corr": Text(
        en="test: repeated-measures correlation, t with portals (waves - 1) - 1 degrees of freedom",
        id="uji: korelasi pengukuran berulang, t dengan portal (gelombang - 1) - 1 derajat bebas",
    ),
    "gap": Text(
        en="true gap {gap} points, standard deviation of one person's gap {gap_sd} points; gaps are whole numbers, "
        "the ends of the scale do not cut them off",
        id="kesenjangan sebenarnya {gap} poin, simpangan baku kesenjangan satu orang {gap_sd} poin; kesenjangan "
        "bilangan bulat, tidak terpotong ujung skala",
    ),
    "gap_width": Text(
        en="half width {gap_half_width} points at level {level}",
        id="setengah lebar {gap_half_width} poin pada taraf {level}",
    ),
    "single_answers": Text(
        en="design effect 1: a simple random sample, no one answers for another; test: paired t",
        id="efek rancangan 1: sampel acak sederhana, tidak ada yang menjawab untuk orang lain; uji: t berpasangan",
    ),
    "clusters": Text(
        en="design effect {design_effect} from groups of {cluster_size}; the simulation tests means of groups (t), "
        "whose degrees of freedom are few, so it asks for more",
        id="efek rancangan {design_effect} dari kelompok {cluster_size} orang; simulasi menguji rata-rata kelompok "
        "(t), yang derajat bebasnya sedikit, jadi butuh lebih banyak",
    ),
    "answered": Text(
        en="complete answers; add those who will not answer, and more for items that few can judge (help desk)",
        id="jawaban lengkap; tambahkan yang tidak menjawab, dan lebih banyak untuk butir yang jarang dialami",
    ),
    "lognormal": Text(
        en="waits are lognormal: standard deviation of log waits {latency_sd} within a day, {day_sd} between days",
        id="waktu tunggu lognormal: simpangan baku log {latency_sd} dalam sehari, {day_sd} antarhari",
    ),
    "days": Text(
        en="neighbouring days correlate by {day_correlation} (AR(1)); {runs_per_day} runs a day, evenly spread",
        id="hari bertetangga berkorelasi {day_correlation} (AR(1)); {runs_per_day} uji sehari, tersebar merata",
    ),
    "latency_width": Text(
        en="half width {latency_half_width} of the p75 itself, at level {level}",
        id="setengah lebar {latency_half_width} dari p75 itu sendiri, pada taraf {level}",
    ),
    "day_bootstrap": Text(
        en="the simulation asks how far the p75 scatters; the interval that the analysis prints draws single days and "
        "takes them for independent: its coverage is shown",
        id="simulasi menanyakan seberapa jauh p75 tersebar; selang analisis mengambil hari satu per satu dan "
        "menganggapnya saling bebas: cakupannya ditampilkan",
    ),
    "not_failed": Text(
        en="few runs fail: with more than a quarter at the deadline the p75 is only a lower bound, however long",
        id="sedikit uji gagal: bila lebih dari seperempat mencapai tenggat, p75 hanya batas bawah, berapa pun lamanya",
    ),
    "outages": Text(
        en="true availability {availability}; outages are independent, {outage_checks} checks long on average "
        "(geometric)",
        id="ketersediaan sebenarnya {availability}; gangguan saling bebas, rata-rata {outage_checks} pemeriksaan "
        "(geometrik)",
    ),
    "checks": Text(
        en="{runs_per_day} checks a day; the simulation counts whole days",
        id="{runs_per_day} pemeriksaan sehari; simulasi menghitung hari utuh",
    ),
    "availability_width": Text(
        en="half width {availability_half_width} at level {level}",
        id="setengah lebar {availability_half_width} pada taraf {level}",
    ),
    "clopper": Text(
        en="the formula takes all outages for equally long; the simulation lets lengths vary and asks how far the "
        "availability scatters; the coverage is that of the interval that the analysis prints",
        id="rumus menganggap semua gangguan sama panjang; simulasi membiarkan panjangnya berbeda dan menanyakan "
        "seberapa jauh ketersediaan tersebar; cakupan adalah cakupan selang analisis",
    ),
    "seed": Text(en="simulation: seed {seed}", id="simulasi: benih {seed}"),
}
UNITS: Final[dict[str, Text]] = {
    "portals": Text(en="portals", id="portal"),
    "respondents": Text(en="respondents", id="responden"),
    "days": Text(en="days", id="hari"),
    "checks": Text(en="checks", id="pemeriksaan"),
}


def figure(value: float, lang: Language) -> str:
    """A number as people of the language write it."""
    text = str(value) if isinstance(value, int) else f"{value:g}"
    return text.replace(".", ",") if lang == "id" else text
