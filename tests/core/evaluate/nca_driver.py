"""Run network-config-analyzer over clusters; runs with the Python of the environment that has it.

Reads a JSON array of Kubernetes objects a line and answers each with a line: a JSON string, its
connectivity as text between pods, or ``{"error": ...}``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

from nca.nca_cli import nca_main


def analyse(objects: list[dict[str, object]]) -> str:
    """Return what the analyser prints for a cluster."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in"), os.path.join(folder, "out")
        os.mkdir(source)
        with open(os.path.join(source, "cluster.json"), "w", encoding="utf-8") as file:
            json.dump({"apiVersion": "v1", "kind": "List", "items": objects}, file)
        flags = ["-r", source, "-o", "txt_no_fw_rules", "--output_endpoints", "pods", "-f", target]
        code = nca_main(["--connectivity", *flags])
        if code:
            raise RuntimeError(f"exit code {code}")
        if not os.path.exists(target):  # nothing at all is allowed
            return ""
        with open(target, encoding="utf-8") as file:
            return file.read()


def main() -> None:
    """Answer line by line; what the analyser prints is told with an error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
        for line in sys.stdin:
            printed.truncate(0)
            os.lseek(1, 0, os.SEEK_SET)
            try:
                answer: object = analyse(json.loads(line))
            except (Exception, SystemExit) as error:
                sys.stdout.flush()
                printed.seek(0)
                answer = {"error": f"{type(error).__name__}: {error}", "printed": printed.read().decode()}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
