"""Kills a command again and again: ``python -m tests.kills prune compare --kills 50``.

Each time in a fresh directory: the line is killed (at an operation on a file, in the middle of a
write, or by the clock; a few times it is a Ctrl-C), sometimes killed again when it is repeated, and
then repeated undisturbed.
It has to end with exit code 0 and with the files of a run that nobody disturbed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from random import Random

for _name, _value in (
    ("OMP_NUM_THREADS", "1"),
    ("MPLBACKEND", "agg"),
    ("NO_COLOR", "1"),
    ("COLUMNS", "120"),
):
    os.environ.setdefault(_name, _value)

from tests.kills.forks import Ended, import_everything, run  # noqa: E402
from tests.kills.lines import LINES, Line  # noqa: E402
from tests.kills.operations import Moment  # noqa: E402
from tests.kills.trees import TIMES, differences, tree  # noqa: E402


class Victim:
    """A line, the directory it starts from, and the files it leaves when nobody disturbs it."""

    def __init__(self, line: Line, start: Path, home: Path) -> None:
        self._line, self._start, self._home = line, start, home
        self.directory = home / "work"
        self.whole = self._undisturbed()
        if self.whole.code != 0 and not line.line.startswith("diff"):
            raise SystemExit(f"{line.line}\n{self.whole.text}")
        self._files = self._tree()
        again = self.run()
        same = differences(self._files, self._tree())
        if again.code != self.whole.code or same:
            raise SystemExit(f"{line.line}: not the same when repeated\n{again.text}\n{same}")

    def run(self, moment: Moment | float | None = None) -> Ended:
        return run(
            self._line.line.split(), self.directory, moment=moment, prepare=self._line.prepare
        )

    def fresh(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(self._start, self.directory)

    def moment(self, share: float, rng: Random) -> Moment | float:
        """A moment about that share of the way through."""
        if rng.random() < 0.15:
            return share * self.whole.seconds
        number = min(int(share * len(self.whole.operations)), len(self.whole.operations) - 1)
        torn, interrupt = rng.random() < 0.6, rng.random() < 0.1
        return Moment(number, torn=torn and not interrupt, interrupt=interrupt)

    def told(self, moment: Moment | float) -> str:
        if isinstance(moment, float):
            return f"after {moment:.2f} s"
        kind, path = self.whole.operations[moment.number]
        torn = " in the middle of what it syncs" if moment.torn and kind == "fsync" else ""
        how = " by Ctrl-C" if moment.interrupt else ""
        return f"at operation {moment.number} ({kind} {path}){torn}{how}"

    def faults(self) -> list[str]:
        """What is wrong after the line was repeated."""
        ended = self.run()
        if ended.code != self.whole.code:
            return [f"exit code {ended.code}: {ended.text.strip()[-600:]}"]
        return differences(self._files, self._tree())

    def _tree(self) -> dict[str, object]:
        line = self._line
        found = tree(self.directory, ignored=line.ignored, times=TIMES | line.times)
        may = [re.compile(pattern) for pattern in line.extra]
        return {k: v for k, v in found.items() if not any(one.fullmatch(k) for one in may)}

    def _undisturbed(self) -> Ended:
        self.fresh()
        return self.run()


def kill(victim: Victim, kills: int, seed: str) -> list[str]:
    """Returns what went wrong, one text a kill that was not made up for."""
    found: list[str] = []
    for number in range(kills):
        rng = Random(f"{seed}-{number}")
        victim.fresh()
        share = 0.0 if number == 0 else (number + rng.random()) / kills
        moments = [victim.moment(share, rng)]
        if rng.random() < 0.3:
            moments.append(victim.moment(rng.random() * 0.9, rng))
        for moment in moments:
            victim.run(moment)
        faults = victim.faults()
        if faults:
            told = ", then ".join(victim.told(moment) for moment in moments)
            found.append(f"killed {told}:\n    " + "\n    ".join(faults[:8]))
    return found


def starts(home: Path, before: tuple[str, ...]) -> Path:
    """Returns a directory in which these lines were run, made once."""
    place = home / ("start-" + "-".join(str(abs(hash(line)) % 10**8) for line in before))
    if not place.exists():
        place.mkdir()
        for line in before:
            ended = run(line.split(), place)
            if ended.code:
                raise SystemExit(f"{line}\n{ended.text}")
    return place


def main() -> int:
    """Returns 1 if any repeated line did not end like the undisturbed one."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("lines", nargs="*", default=[], metavar="LINE", help=", ".join(LINES))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    unknown = set(given.lines) - set(LINES)
    if unknown:
        parser.error(f"no such line: {', '.join(sorted(unknown))}")
    import_everything()
    report: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        home = Path(folder).resolve()
        os.environ["XDG_CACHE_HOME"] = str(home / "cache")
        for name in given.lines or LINES:
            line = LINES[name]
            victim = Victim(line, starts(home, line.before), home)
            report[name] = kill(victim, given.kills, f"{given.seed}-{name}")
            count = len(victim.whole.operations)
            print(
                f"{name}: {given.kills} kills, {count} operations, {victim.whole.seconds:.1f} s "
                f"undisturbed, {len(report[name])} not made up for",
                file=sys.stderr,
                flush=True,
            )
            for text in report[name]:
                print(f"  {text}", file=sys.stderr, flush=True)
    if given.json:
        print(json.dumps(report))
    return int(any(report.values()))


if __name__ == "__main__":
    raise SystemExit(main())
