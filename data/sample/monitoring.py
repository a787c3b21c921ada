"""What monitoring and change management hold: alerts, changes, and which item needs which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from history import Event
from organisation import END, START, is_working_day
from planted import OUTAGES
from records import Row
from wording import slots_of

ALERT_COLUMNS = ("id", "started_at", "ended_at", "name", "severity", "cmdb_ci", "service", "description")
CHANGE_COLUMNS = (
    "number",
    "opened_at",
    "started_at",
    "ended_at",
    "cmdb_ci",
    "service",
    "type",
    "risk",
    "state",
    "short_description",
)
MAP_COLUMNS = ("from", "to", "kind")
NOISE, NOISE_COUNT = "ClockOffset", 260  # an alert that no incident follows
MAINTENANCE = ("Server Hosting", datetime(2026, 8, 22, 14), datetime(2026, 8, 22, 20), 14)  # noqa: DTZ001 - UTC
CHANGES = 170
TITLES = {
    "erp": "ERP transport to production",
    "oa": "OA patch",
    "crm": "CRM interface update",
    "web": "Renew TLS certificate",
    "vpn": "VPN gateway firmware",
    "switch": "Replace access switch",
    "ap": "Wi-Fi controller configuration",
    "server": "Operating system patches",
    "db": "Database patch set",
    "mq": "Message broker upgrade",
    "mail": "Mail gateway rules",
    "dns": "DNS zone change",
    "wan": "Provider reroutes the line",
    "proxy": "Proxy category list",
    "fileserver": "Move share to new volume",
    "ai": "Assistant model update",
}


@dataclass
class Wave:
    """An outage as it was: its service, item, records, and what came before it."""

    event: Event
    begun: datetime
    numbers: list[str]
    planted: bool
    alert: str = ""
    change: str = ""


def alert_name(fault: Row) -> str:
    """Return the name of a fault's alert, such as DiskFull."""
    return "".join(part.title() for part in str(fault["id"]).split("-"))


def alerts(
    rng: Random, incidents: list[tuple[Row, Event]], waves: list[Wave], pools: dict[str, list[str]]
) -> list[Row]:
    """Return the alerts in order of time, and note in each wave the one that came before it."""
    rows = [*_of_incidents(rng, incidents), *_noise(rng, pools), *_in_maintenance(rng, pools)]
    marks: list[tuple[Row, Wave]] = []
    for wave in waves:
        place = _place(wave)
        wanted = OUTAGES[place].alerted if place is not None else rng.random() < 0.6
        if wanted and "alert" in wave.event.fault:
            row = _alert(rng, wave.event, wave.begun - timedelta(minutes=rng.uniform(4, 18)), timedelta(hours=2))
            marks.append((row, wave))
            rows.append(row)
    rows = sorted((row for row in rows if START <= row["started_at"] < END), key=_moment_of_alert)
    for place, row in enumerate(rows, start=1):
        row["id"] = f"ALT{place:06d}"
    for row, wave in marks:
        wave.alert = row["id"]
    return rows


def _moment_of_alert(row: Row) -> tuple[datetime, str, str]:
    return row["started_at"], row["name"], row["cmdb_ci"]


def _place(wave: Wave) -> int | None:
    """Return which of `OUTAGES` a wave is."""
    places = [i for i, outage in enumerate(OUTAGES) if wave.planted and outage.fault == wave.event.fault["id"]]
    return places[0] if places else None


def _of_incidents(rng: Random, incidents: Iterable[tuple[Row, Event]]) -> list[Row]:
    """Return the alerts behind incidents of monitoring, and those that came before a person's incident on an item."""
    rows = []
    for row, event in incidents:
        if "alert" not in event.fault or event.kind in ("outage", "duplicate"):
            continue
        if event.monitored:
            lead = timedelta(minutes=rng.uniform(0.5, 3))
        elif rng.random() < 0.35:
            lead = timedelta(minutes=rng.uniform(5, 45))
        else:
            continue
        lasted = (row["resolved_at"] or END) - row["opened_at"] if rng.random() < 0.9 else None
        rows.append(_alert(rng, event, row["opened_at"] - lead, lasted))
    return rows


def _alert(rng: Random, event: Event, started: datetime, lasted: timedelta | None) -> Row:
    slots = slots_of(rng, event, "en")
    return {
        "started_at": started,
        "ended_at": None if lasted is None or started + lasted > END else started + lasted,
        "name": alert_name(event.fault),
        "severity": rng.choice(["critical", "warning"]),
        "cmdb_ci": event.item,
        "service": event.fault["service"],
        "description": event.fault["alert"].format(**slots),
    }


def _noise(rng: Random, pools: dict[str, list[str]]) -> list[Row]:
    length = (END - START).total_seconds()
    rows = []
    for _ in range(NOISE_COUNT):
        item = rng.choice(pools["server"])
        started = START + timedelta(seconds=rng.uniform(0, length))
        rows.append(_server_alert(NOISE, "warning", item, started, f"{item} clock offset {rng.randint(21, 60)} ms"))
    return rows


def _in_maintenance(rng: Random, pools: dict[str, list[str]]) -> list[Row]:
    _, begun, _, count = MAINTENANCE
    rows = []
    for item in sorted(rng.sample(pools["server"], count)):
        started = begun + timedelta(minutes=rng.uniform(5, 300))
        rows.append(_server_alert("VmDown", "critical", item, started, f"host {item} DOWN, ping timeout 5/5"))
    return rows


def _server_alert(name: str, severity: str, item: str, started: datetime, description: str) -> Row:
    return {
        "started_at": started,
        "ended_at": started + timedelta(minutes=25),
        "name": name,
        "severity": severity,
        "cmdb_ci": item,
        "service": "Server Hosting",
        "description": description,
    }


def changes(
    rng: Random, faults: list[Row], waves: list[Wave], measures: list[Row], pools: dict[str, list[str]]
) -> list[Row]:
    """Return the changes in order of time, and note in each wave the one that caused it.

    Parameters
    ----------
    measures : list of dict
        Changes that solved a problem for good, without their numbers.
    """
    services = {fault["pool"]: fault["service"] for fault in faults if fault["pool"] in TITLES}
    rows = [_ordinary(rng, services, pools) for _ in range(CHANGES)]
    service, begun, ended, _ = MAINTENANCE
    rows.append(_change(begun, ended, "", service, "maintenance", "Patch night: all servers restart"))
    rows += [{**row} for row in measures]
    marks: list[tuple[Row, Wave]] = []
    for wave in waves:
        place = _place(wave)
        if OUTAGES[place].changed if place is not None else rng.random() < 0.3:
            row = _before(rng, wave)
            marks.append((row, wave))
            rows.append(row)
    rows.sort(key=lambda row: (row["started_at"], row["cmdb_ci"]))
    for place, row in enumerate(rows, start=1):
        row["number"] = f"CHG{place:07d}"
    for row, wave in marks:
        wave.change = row["number"]
    return rows


def _ordinary(rng: Random, services: dict[str, str], pools: dict[str, list[str]]) -> Row:
    pool = rng.choice(sorted(services))
    days = (END - START).days - 1
    day = START + timedelta(days=rng.randrange(days))
    while not is_working_day(day.date()):
        day = START + timedelta(days=rng.randrange(days))
    begun = day + timedelta(hours=rng.choice([11, 12, 13, 14]), minutes=rng.choice([0, 30]))
    kind = rng.choices(["standard", "normal"], [2, 1])[0]
    return _change(begun, begun + timedelta(hours=1), rng.choice(pools[pool]), services[pool], kind, TITLES[pool])


def _before(rng: Random, wave: Wave) -> Row:
    begun = wave.begun - timedelta(minutes=rng.randint(12, 50))
    fault = wave.event.fault
    row = _change(begun, wave.begun, wave.event.item, fault["service"], "normal", TITLES[fault["pool"]])
    return row | {"risk": "high", "state": "failed"}


def _change(begun: datetime, ended: datetime, item: str, service: str, kind: str, title: str) -> Row:
    return {
        "opened_at": begun - timedelta(days=4),
        "started_at": begun,
        "ended_at": ended,
        "cmdb_ci": item,
        "service": service,
        "type": kind,
        "risk": "low" if kind == "standard" else "moderate",
        "state": "closed",
        "short_description": f"{title} {item}".strip(),
    }


def measure(fault: Row, item: str, day: date, problem: str) -> Row:
    """Return the change that solved a problem for good on a day."""
    begun = datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001 - UTC
    title = f"{problem}: {fault['en_fix'][0].split('.')[0].split(';')[0].format(ci=item or fault['service'], n=3)}"
    return _change(begun, begun + timedelta(hours=2), item, fault["service"], "normal", title)


def service_map(rng: Random, faults: list[Row], pools: dict[str, list[str]]) -> list[Row]:
    """Return which item needs which, and which items make up a service."""
    rows = []
    for origin, target, kind in (
        ("erp", "db", "runs on"),
        ("oa", "db", "runs on"),
        ("crm", "db", "runs on"),
        ("crm", "mq", "sends through"),
        ("web", "proxy", "reached through"),
        ("ap", "switch", "connected to"),
        ("printer", "switch", "connected to"),
        ("switch", "wan", "connected to"),
        ("vpn", "wan", "connected to"),
        ("db", "server", "runs on"),
        ("mq", "server", "runs on"),
    ):
        rows += [{"from": item, "to": rng.choice(pools[target]), "kind": kind} for item in pools[origin]]
    pairs = sorted({(fault["service"], fault["pool"]) for fault in faults if fault["pool"] != "laptop"})
    for service, pool in pairs:
        if len(pools[pool]) <= 16:
            rows += [{"from": service, "to": item, "kind": "made of"} for item in pools[pool]]
    return rows
