"""Whether a project may send to a kind of platform, and what to do where it may not; pure."""

from __future__ import annotations

from tradewind.errors import NotEntitledError
from tradewind.model.project import ProjectPlan, ReleaseStage, Standing, Wall

SENTENCES = {
    Wall.FREE_PLAN: "project '{project}' is on the free plan, and syncs need the paid one; "
    "an administrator of this installation sets it with: tradewind projects plan {project} paid",
    Wall.NOT_ADMITTED: "destination '{destination}' is in closed beta, and project '{project}' is not admitted; "
    "an administrator of this installation admits it with: tradewind destinations admit {destination} {project}",
    Wall.NOT_ENABLED: "destination '{destination}' is not enabled in project '{project}'; "
    "an admin of the project enables it with: tradewind projects enable {project} {destination}",
    Wall.NOT_CONFIRMED: "nobody has confirmed for project '{project}' that destination '{destination}' has its own paid plan there; "
    "an admin of the project confirms it with: tradewind projects enable {project} {destination} --paid-plan",
}
"""What stands in the way, and who takes it away how."""


def wall(standing: Standing) -> Wall | None:
    """What stands between a project and a kind of platform; None where it may send."""
    if standing.plan is not ProjectPlan.PAID:
        return Wall.FREE_PLAN
    if standing.offer.stage is ReleaseStage.CLOSED_BETA and standing.project not in standing.offer.admitted:
        return Wall.NOT_ADMITTED
    if standing.enablement is None:
        return Wall.NOT_ENABLED
    return None if standing.enablement.confirmed else Wall.NOT_CONFIRMED


def sentence(standing: Standing, found: Wall) -> str:
    """What stands in the way, for a person; with whom to ask, where the installation names somebody."""
    text = SENTENCES[found].format(project=standing.project, destination=standing.offer.destination[:80])
    return f"{text} (support: {standing.offer.contact})" if standing.offer.contact else text


def check_standing(standing: Standing) -> None:
    """Raise NotEntitledError with the remedy unless the project may send to this kind of platform."""
    found = wall(standing)
    if found:
        raise NotEntitledError(sentence(standing, found), found.value)
