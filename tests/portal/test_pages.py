"""Every page, in both languages, themes and widths: complete, legible, still while it loads.

`make test` looks at each page in two ways that differ in everything. With
MARU_SCREENSHOTS=DIRECTORY each is looked at in all eight, and photographed.
"""

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from portal.browser import Language, Look, Theme, Window, open_window
from portal.workspace import Workspace

SCREENSHOTS = os.environ.get("MARU_SCREENSHOTS")
LANGUAGES: tuple[Language, ...] = ("en", "ko")
THEMES: tuple[Theme, ...] = ("light", "dark")
LOOKS = (
    [
        Look(language, theme, width)
        for language, theme, width in itertools.product(LANGUAGES, THEMES, (1280, 390))
    ]
    if SCREENSHOTS
    else [Look(), Look("ko", "dark", 390)]
)
# "Good" is below 0.1 (web.dev/cls).
SHIFT_AT_MOST = 0.05
MISSING_TRANSLATION = re.compile(r"\b(?:[a-z_]+\.){1,3}[a-z]+_[a-z_]+\b")


@dataclass(frozen=True)
class Place:
    """A page: `path` below the project or, from a slash, of the portal; what to do on it."""

    name: str
    path: str
    press: str = ""
    click: str = ""
    signed_in: bool = True


PLACES = [
    Place("sign-in", "/sign-in", signed_in=False),
    Place("home", ""),
    Place("jobs", "jobs"),
    Place("jobs-failed", "jobs?state=failed"),
    Place("jobs-none", "jobs?state=preempted"),
    Place("new-job", "jobs/new"),
    Place("job-running", "jobs/{running_job}"),
    Place("job-queued", "jobs/{queued_job}"),
    Place("job-failed", "jobs/{failed_job}"),
    Place("job-metrics", "jobs/{running_job}?tab=metrics"),
    Place("job-usage", "jobs/{running_job}?tab=resources"),
    Place("job-events", "jobs/{killed_job}?tab=events"),
    Place("job-settings", "jobs/{running_job}?tab=spec"),
    Place("job-missing", "jobs/" + "0" * 32),
    Place("experiments", "experiments"),
    Place("runs", "experiments/iris"),
    Place("runs-bad-filter", "experiments/iris?filter=accuracy+is+good"),
    Place("runs-grouped", "experiments/iris?group=params.depth"),
    Place("runs-nested", "experiments/nested?nested=1"),
    Place("runs-columns", "experiments/iris", click=".toolbar > .button:not([type=submit])"),
    Place("runs-views", "experiments/iris", click=".page-actions .button"),
    Place("runs-charts", "experiments/nested?tab=charts"),
    Place("runs-parallel", "experiments/iris?tab=explore"),
    Place("runs-scatter", "experiments/iris?tab=explore&kind=scatter"),
    Place("runs-bars", "experiments/iris?tab=explore&kind=bar"),
    Place("leaderboard", "experiments/iris?tab=leaderboard&group=params.depth"),
    Place("run", "runs/{run}"),
    Place("run-system", "runs/{nested_run}?tab=system"),
    Place("run-models", "runs/{model_run}?tab=models"),
    Place("run-notes", "runs/{run}?tab=artifacts&path=notes.md"),
    Place("run-json", "runs/{run}?tab=artifacts&path=labels.json"),
    Place("run-program", "runs/{run}?tab=artifacts&path=train.py"),
    Place("run-model", "runs/{model_run}"),
    Place("run-recorded", "runs/{job_run}?tab=reproduction"),
    Place("run-report", "runs/{again}?tab=reproduction"),
    Place("run-lineage", "runs/{job_run}?tab=lineage"),
    Place("run-fork", "runs/{job_run}", click=".page-actions .button"),
    Place("run-charts", "runs/{run}?tab=charts"),
    Place("run-artifacts", "runs/{run}?tab=artifacts&path=predictions.csv"),
    Place("run-image", "runs/{run}?tab=artifacts&path=plots/confusion.png"),
    Place("traces", "experiments/assistant?tab=traces"),
    Place("traces-selected", "experiments/assistant?tab=traces", click="thead [type=checkbox]"),
    Place("traces-none", "experiments/iris?tab=traces"),
    Place("traces-bad-filter", "experiments/assistant?tab=traces&traces=status+is+good"),
    Place("experiment-permissions", "experiments/nested?tab=permissions"),
    Place("experiment-permissions-none", "experiments/forest?tab=permissions"),
    Place(
        "experiment-permission",
        "experiments/nested?tab=permissions",
        click=".permissions > .row .button",
    ),
    Place("trace", "traces/{trace}"),
    Place("trace-failed", "traces/{failed_trace}"),
    Place("trace-missing", "traces/tr-nothing"),
    Place("compare", "compare?runs={three_runs}"),
    Place(
        "compare-report", "compare?runs={jobs_runs}&title=Two+forests&notes=Which+is+**better**?"
    ),
    Place("environments", "environments"),
    Place("environment", "environments/bare"),
    Place("environment-failed", "environments/wrong"),
    Place("models", "models"),
    Place("model-requests", "models?tab=requests"),
    Place("model-rules", "models?tab=rules"),
    Place("model-rule", "models?tab=rules", click=".stack > .row .button"),
    Place("model", "models/affine"),
    Place("model-card", "models/affine?version=2&view=card"),
    Place("model-signature", "models/affine?version=2&view=contents"),
    Place("model-lineage", "models/affine?version=1&view=lineage"),
    Place("model-history", "models/affine?tab=history"),
    Place("model-permissions", "models/affine?tab=permissions"),
    Place(
        "model-permission-remove",
        "models/affine?tab=permissions",
        click=".permissions tbody .icon-only + .icon-only",
    ),
    Place("model-deploy", "models/affine", click=".page-actions .primary"),
    Place("endpoints", "endpoints"),
    Place("endpoint", "endpoints/affine", click="form .primary"),
    Place("endpoint-code", "endpoints/affine?tab=code"),
    Place("endpoint-log", "endpoints/affine?tab=log"),
    Place("endpoint-settings", "endpoints/affine?tab=settings"),
    Place("settings-account", "/settings/account"),
    Place("settings-tokens", "/settings/tokens"),
    Place("settings-projects", "/settings/projects"),
    Place("settings-members", "/settings/projects?project={project}"),
    Place("settings-webhooks", "/settings/webhooks?project={project}"),
    Place("settings-users", "/settings/users"),
    Place("settings-storage", "/settings/storage"),
    Place("settings-collect", "/settings/storage", click=".button.danger"),
    Place("settings-audit", "/settings/audit"),
    Place("palette", "jobs", press="Control+k"),
    Place("shortcuts", "", press="?"),
    Place("not-found", "nothing/here"),
]


@pytest.fixture(scope="module")
def queued_job(seeded: Workspace) -> Iterator[str]:
    """A job that waits: it asks for the whole node, where another runs."""
    with seeded.server.client() as client:
        [node] = client.get("/api/v1/status").json()["nodes"]
    job = seeded.project.run(
        "true", name="whole-node", resources={"cpu_milli": node["cpu_milli"], "memory_mib": 64}
    )
    yield job
    # Whatever is queued behind it goes on.
    seeded.project.post(f"/jobs/{job}/stop", {})


def address(place: Place, seeded: Workspace, queued_job: str) -> str:
    filled = place.path.format(
        project=seeded.project.name,
        running_job=seeded.running_job,
        failed_job=seeded.failed_job,
        killed_job=seeded.killed_job,
        queued_job=queued_job,
        run=seeded.runs[0],
        nested_run=seeded.nested[0],
        model_run=seeded.model_run,
        failed_trace=seeded.traces[0],
        trace=seeded.traces[1],
        job_run=seeded.job_runs[0],
        again=seeded.job_runs[2],
        jobs_runs=",".join(seeded.job_runs),
        three_runs=",".join(seeded.runs[:3]),
    )
    return filled if filled.startswith("/") else f"{seeded.path}/{filled}".rstrip("/")


def look_at(window: Window, place: Place, path: str, look: Look) -> None:
    window.open(path)
    shift, moved = window.shift()
    assert shift <= SHIFT_AT_MOST, moved
    if place.press:
        window.page.keyboard.press(place.press)
        window.page.wait_for_selector("[role=dialog]")
    if place.click:
        window.page.click(place.click)
    window.settle()
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        window.page.screenshot(path=Path(SCREENSHOTS, f"{place.name}-{look}.png"))
    root = "document.documentElement"
    assert window.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0, "scrolls sideways"
    assert MISSING_TRANSLATION.findall(window.page.inner_text("h1")) == []
    assert window.page.evaluate(f"{root}.lang") == look.language
    assert window.violations() == []


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_page(
    browser: Browser, seeded: Workspace, queued_job: str, place: Place, look: Look
) -> None:
    with open_window(browser, seeded.server, look, signed_in=place.signed_in) as window:
        look_at(window, place, address(place, seeded, queued_job), look)
