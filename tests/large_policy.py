"""A large organization's policy, the same everywhere: 500 people, 80 teams, 5,000 projects, 2,000 grants."""

from random import Random

PEOPLE = 500
TEAMS = 80
PROJECTS = 5_000
GRANTS = 2_000
SEED = 20260303
REGISTRIES = ("python", "models", "tools")
LINKED = 200
AREAS = ("payments", "orders", "search", "mobile", "data", "risk", "web", "core", "ml", "infra")
THINGS = ("api", "client", "models", "tool", "worker", "schema", "sdk", "lib")

CONTRACTOR = "person-499"  # in no team; TEAM_CHANGE puts them into one
TEAM_FILE = "teams/payments-0.yaml"


def files() -> dict[str, str]:
    """Make the files of the policy by path."""
    chance = Random(SEED)  # noqa: S311 - the same policy every time
    people = [f"person-{number:03}" for number in range(PEOPLE)]
    teams = [f"{AREAS[number % len(AREAS)]}-{number // len(AREAS)}" for number in range(TEAMS)]
    made = {
        "waybill.yaml": "organization: acme\nadmins: [person-000, person-001]\nauditors: [team:core-0]\n"
        "issuers: {github: true}\nreview: {approvals: 1}\n",
        "people.yaml": "".join(f"{person}: {{email: {person}@acme.example}}\n" for person in people)
        + "".join(f"bot-{team}: {{service: true, owner: team:{team}}}\n" for team in teams),
    }
    for team in teams:
        members = sorted(chance.sample(people[:-1], chance.randint(4, 16)))
        made[f"teams/{team}.yaml"] = f"members: [{', '.join(members)}]\nmaintainers: [{members[0]}, {members[-1]}]\n"
    grants = GRANTS
    for number in range(LINKED):
        team = chance.choice(teams)
        made[f"repositories/code-{number:03}.yaml"] = (
            f'forge: github\npath: acme/code-{number:03}\nrepository_id: "{10_000 + number}"\nowner_id: "42"\n'
            f"grants:\n  - {{role: write, to: [team:{team}]}}\n"
        )
    grants -= LINKED
    for registry in REGISTRIES:
        lines = [f"kind: source\nowners: [team:{chance.choice(teams)}]\nprojects: declared\ngrants:"]
        for team in teams:
            area = team.rpartition("-")[0]
            lines.append(f'  - {{role: publish, to: ["team:{team}", bot-{team}], projects: ["{area}-*"]}}')
        lines.append("  - {role: read, to: [everyone]}")
        made[f"registries/{registry}/registry.yaml"] = "\n".join(lines) + "\n"
        grants -= len(teams) + 1
    for number in range(PROJECTS):
        name = f"{AREAS[number % len(AREAS)]}-{THINGS[number // 10 % len(THINGS)]}-{number:04}"
        text = f"repository: code-{number % LINKED:03}\n" if number % 4 == 0 else ""
        if number % 3 == 0 and grants:
            until = "until: 2027-01-31, " if number % 30 == 0 else ""
            text += f"grants:\n  - {{role: write, {until}to: [{chance.choice(people[:-1])}]}}\n"
            grants -= 1
        made[f"registries/{REGISTRIES[number // 10 % len(REGISTRIES)]}/projects/{name}.yaml"] = text or "{}\n"
    return made


def with_one_line_changed(made: dict[str, str]) -> dict[str, str]:
    """Put a contractor into a team: the change whose meaning nobody sees in its text."""
    return {**made, TEAM_FILE: made[TEAM_FILE].replace("members: [", f"members: [{CONTRACTOR}, ", 1)}
