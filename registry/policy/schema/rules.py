"""The shape of `rules` in `waybill.yaml`: which rules of the validator run, with what, and what is let be."""

from registry.policy.ruling import Ruling, Waiver
from registry.policy.schema.claims import Scalar
from registry.policy.schema.kinds import LINE, OWNER
from registry.policy.shapes import Day, Text
from registry.policy.tables import Key, ListOf, MappingOf, Row, Table

_RULE = Text("a rule's code or name, or the beginning of codes, like WB4", "[A-Za-z][A-Za-z0-9_]*", 100)
_CODE = Text("the code of a rule, like WB205", "[A-Z]{2,8}[0-9]{3}", 11)
_SETTING = Text("the name of a setting", "[a-z][a-z0-9_]*", 60)
_RULES = ListOf(_RULE, most=200)


def _waiver(row: Row) -> Waiver:
    where, place = row.get("where"), row.statement.place
    return Waiver(row.get("rule"), where, row.get("owner"), row.get("reason"), row.get("until"), place)


_WAIVERS = ListOf(
    Table(
        {
            "rule": Key(_RULE, "what is let be: a rule's code or name, or the beginning of codes", required=True),
            "where": Key(
                ListOf(LINE, least=1, most=100), "where: patterns over files, or over what is checked", required=True
            ),
            "owner": Key(OWNER, "who answers for it: an account id or team:<name>", required=True),
            "reason": Key(LINE, "why, for those who review and audit", required=True),
            "until": Key(Day(), "the last day on which it is let be, UTC, like 2027-01-31", required=True),
        },
        _waiver,
    ),
    most=500,
)

RULES = Table(
    {
        "select": Key(_RULES, "only these rules run; left out: all"),
        "ignore": Key(_RULES, "these do not; what `select` says more exactly still does"),
        "upload": Key(_RULES, "uploads are refused by these, as far as their severity is error; left out: by none"),
        "change": Key(_RULES, "changes of the policy are refused by these, likewise; left out: by none"),
        "settings": Key(
            MappingOf(_CODE, MappingOf(_SETTING, Scalar(), least=1), most=200), "settings of rules, by their code"
        ),
        "waivers": Key(_WAIVERS, "failures that somebody answers for until a day"),
    },
    lambda row: Ruling(
        row.get("select", ()),
        row.get("ignore", ()),
        row.get("settings", {}),
        row.get("waivers", ()),
        row.get("upload", ()),
        row.get("change", ()),
    ),
)
