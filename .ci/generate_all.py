"""Generate the policy of every workload of the demo with an installed netsec-tui; parse what it prints."""

import json
import subprocess
import sys

import yaml


def main(program: str) -> int:
    """Return 0 when every workload gets a policy or a refusal with its reason."""
    listed = subprocess.run([program, "list", "--demo", "-o", "json"], capture_output=True, check=True)
    workloads = json.loads(listed.stdout)["workloads"]
    made = 0
    for ref in workloads:
        command = [program, "generate", "--demo", "-n", ref["namespace"], f"{ref['kind']}/{ref['name']}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        expected = 1 if ref["hostNetwork"] else 0
        if done.returncode not in (expected, 1) or (done.returncode == 1 and not done.stderr):
            print(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}", file=sys.stderr)
            return 1
        if done.returncode == 0:
            policies = list(yaml.safe_load_all(done.stdout))
            assert all(policy["kind"] == "NetworkPolicy" for policy in policies), done.stdout
            made += len(policies)
    print(f"{made} policies for {len(workloads)} workloads of the demo")
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
