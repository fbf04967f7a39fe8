"""``netsec-tui check``: what the NetworkPolicies allow, for one connection, many, or all owners."""

from __future__ import annotations

from argparse import Namespace

from netsec_tui.cli import check_batch, check_matrix, check_output
from netsec_tui.cli.check_answer import answer
from netsec_tui.cli.check_ask import parse_port
from netsec_tui.cli.check_state import read_cluster
from netsec_tui.cli.output import put, put_json
from netsec_tui.errors import UsageError

_ASK = "--from, --to and --port ask about one connection, --batch about many, --matrix about all"


def run(args: Namespace) -> int:
    """Answer what is asked and return the exit code.

    Raises:
        NetsecError: the flags do not fit, nothing can be read, or an end does not exist.
    """
    _check_flags(args)
    if args.batch:
        with check_batch.opened(args.batch) as lines:
            return check_batch.run(read_cluster(args), lines)
    if args.matrix:
        return check_matrix.run(read_cluster(args), args.output)
    return _one(args)


def _check_flags(args: Namespace) -> None:
    one = [args.source, args.destination, args.port]
    asked = [any(part is not None for part in one), args.batch is not None, args.matrix]
    if sum(asked) != 1:
        raise UsageError(f"{'choose one' if any(asked) else 'nothing is asked'}: {_ASK}")
    if asked[0]:
        flags = dict(zip(("--from", "--to", "--port"), one, strict=True))
        lacking = [flag for flag, value in flags.items() if value is None]
        if lacking:
            raise UsageError(f"{' and '.join(lacking)} must be given too: {_ASK}")
    if args.output == "csv" and not args.matrix:
        raise UsageError("-o csv goes with --matrix only; use -o table or -o json")
    if args.batch == "":
        raise UsageError("--batch needs a file, or - for standard input")


def _one(args: Namespace) -> int:
    protocol, port = parse_port(args.port)
    cluster = read_cluster(args)
    source = cluster.ends.source(args.source)
    destination = cluster.ends.destination(args.destination, protocol, port)
    found = answer(cluster, source, destination, protocol, port)
    if args.output == "json":
        put_json({"input": cluster.document(), **check_output.document(found)})
    else:
        put(check_output.text(found))
    return cluster.exit_code or found.exit_code
