"""`python -m schema_rules`: check the contract against the schema rules."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codegen.project import StepError
from schema_rules import releases
from schema_rules.check import contract, excused_but_new, findings, load_exceptions, unexcused
from schema_rules.finding import FORMATS, in_order, problem_line


def main(arguments: list[str] | None = None) -> int:
    """Check, and return the exit code: 0, or 1 after findings or a sentence on what went wrong."""
    parser = argparse.ArgumentParser(prog="schema_rules", description=__doc__)
    parser.add_argument("--error-format", choices=FORMATS, default="text")
    parser.add_argument("--image", type=Path, help="the compiled contract; compiled if not given")
    options = parser.parse_args(arguments)
    show = FORMATS[options.error_format]
    try:
        exceptions = load_exceptions()
        wrong = excused_but_new(exceptions, releases.element_names(releases.RELEASES))
        found = list(findings(contract(options.image)))
    except (StepError, ValueError) as error:
        print(problem_line("lint", str(error), options.error_format), file=sys.stderr)
        return 1
    open_findings, unused = unexcused(found, exceptions)
    for finding in in_order(open_findings):
        print(show(finding))
    sys.stdout.flush()
    for sentence in (*wrong, *unused):
        print(problem_line("lint", sentence, options.error_format), file=sys.stderr)
    return 1 if open_findings or wrong or unused else 0


if __name__ == "__main__":
    sys.exit(main())
