"""``netsec-tui reader``: the manifest of the pods in which ``--source conntrack`` may read."""

from __future__ import annotations

import re
import sys
from argparse import Namespace

from netsec_tui.cli.exits import DONE
from netsec_tui.errors import UsageError

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")

_MANIFEST = """\
# Pods in which netsec-tui reads the connection tracking tables of the nodes: --source conntrack finds them by
# their label. They do nothing by themselves, listen on nothing and hold no token of the API server.
apiVersion: v1
kind: Namespace
metadata:
  name: {namespace}
  labels:
    # A pod on the node's own network is not allowed in a namespace with a stricter level.
    pod-security.kubernetes.io/enforce: privileged
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: netsec-tui-reader
  namespace: {namespace}
  labels:
    app.kubernetes.io/name: netsec-tui-reader
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: netsec-tui-reader
  template:
    metadata:
      labels:
        app.kubernetes.io/name: netsec-tui-reader
    spec:
      # The kernel shows a process the table of its own network namespace.
      hostNetwork: true
      dnsPolicy: Default
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 0
      tolerations:
        - operator: Exists
      containers:
        - name: reader
          image: {image}
          command: ["sh", "-c", "trap exit TERM; while :; do sleep 3600 & wait; done"]
          resources:
            requests:
              cpu: 1m
              memory: 8Mi
            limits:
              memory: 64Mi
          securityContext:
            # The table belongs to root; reading it takes {right}.
            runAsUser: 0
            readOnlyRootFilesystem: true
            allowPrivilegeEscalation: false
            capabilities:
              drop: ["ALL"]
{add}            seccompProfile:
              type: RuntimeDefault
---
# What whoever runs netsec-tui needs here, beside the ClusterRole that only lists and watches:
#   kubectl create rolebinding -n {namespace} netsec-tui-reader --role=netsec-tui-reader --user=YOU
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: netsec-tui-reader
  namespace: {namespace}
rules:
  - apiGroups: [""]
    resources: ["pods/exec"]
    verbs: ["create", "get"]
"""


def run(args: Namespace) -> int:
    """Print it.

    Raises:
        UsageError: a flag holds what no namespace or image can be called.
    """
    sys.stdout.write(manifest(args.namespace, args.image, netlink=args.netlink))
    return DONE


def manifest(namespace: str, image: str, *, netlink: bool) -> str:
    """Return the manifest as YAML; ``netlink`` lets the pods run ``conntrack`` instead of reading the file.

    Raises:
        UsageError: as ``run`` does.
    """
    if not _NAMESPACE.fullmatch(namespace):
        raise UsageError(f"--namespace {namespace!r} is no name of a namespace; use for instance netsec-tui")
    if not _IMAGE.fullmatch(image):
        raise UsageError(f"--image {image!r} is no name of an image; use for instance busybox:1.37")
    right = "this capability by netlink" if netlink else "no capability"
    add = '              add: ["NET_ADMIN"]\n' if netlink else ""
    return _MANIFEST.format(namespace=namespace, image=image, right=right, add=add)
