"""A suite that runs no cases: it reads the spec, prints as the real one does, and writes the results it is told to."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
import json, sys
spec = json.load(open("fuzzingclient.json"))
verdicts = json.loads(sys.argv[1])
results = {}
for server in spec["servers"]:
    agent = server["agent"]
    for case in spec["cases"]:
        behavior, close = verdicts.get(case, ["OK", "OK"])
        if behavior == "REFUSED":
            print("Connection to", server["url"], "failed (refused)")
            break
        print("Running test case ID", case, "for agent", agent, "from peer tcp4:127.0.0.1:1")
        results.setdefault(agent, {})[case] = {
            "behavior": behavior, "behaviorClose": close, "duration": 4, "remoteCloseCode": 1000, "reportfile": "x.json"
        }
json.dump(results, open(spec["outdir"] + "/index.json", "w"))
"""


@dataclass(frozen=True)
class FakeSuite:
    """Every case is OK, save those that `verdicts` names; `script` may do something else altogether."""

    verdicts: str = "{}"
    script: str = SCRIPT

    @classmethod
    def with_verdicts(cls, **verdicts: tuple[str, str]) -> "FakeSuite":
        """Take verdicts by case, as case_7_1_6=("FAILED", "UNCLEAN")."""
        return cls(
            json.dumps({case.removeprefix("case_").replace("_", "."): found for case, found in verdicts.items()})
        )

    def command(self, directory: Path) -> list[str]:
        return [sys.executable, "-c", self.script, self.verdicts]

    def report_directory(self, directory: Path) -> str:
        return str(directory)
