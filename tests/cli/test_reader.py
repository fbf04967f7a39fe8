"""The manifest of the pods that conntrack tables are read in."""

import pytest
import yaml
from kubernetes_validate import validate

from netsec_tui.cli.main import main

KINDS = ["Namespace", "DaemonSet", "Role"]


def printed(capsys, *flags):
    assert main(["reader", *flags]) == 0
    return list(yaml.safe_load_all(capsys.readouterr().out))


@pytest.mark.parametrize(
    "flags", [(), ("--netlink",), ("--namespace", "tools", "--image", "mirror/busybox:1")]
)
def test_every_object_is_one_that_kubernetes_knows(capsys, flags):
    objects = printed(capsys, *flags)
    assert [one["kind"] for one in objects] == KINDS
    for one in objects:
        validate(one, "1.37", strict=True)


def test_the_pods_are_on_the_nodes_network_and_may_do_nothing_else(capsys):
    _, daemons, role = printed(capsys)
    pod = daemons["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["hostNetwork"]
    assert pod["automountServiceAccountToken"] is False
    assert "volumes" not in pod
    assert "ports" not in container
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create", "get"]}]


def test_only_netlink_takes_a_capability(capsys):
    _, daemons, _ = printed(capsys, "--netlink")
    (container,) = daemons["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}


def test_namespace_and_image_are_those_that_were_asked_for(capsys):
    namespace, daemons, role = printed(capsys, "-n", "tools", "--image", "mirror/busybox:1")
    assert namespace["metadata"]["name"] == "tools"
    assert {daemons["metadata"]["namespace"], role["metadata"]["namespace"]} == {"tools"}
    assert daemons["spec"]["template"]["spec"]["containers"][0]["image"] == "mirror/busybox:1"


@pytest.mark.parametrize(
    "flags",
    [("--namespace", "Not A Name"), ("--namespace", "a\nb"), ("--image", "x\n  - evil"), ("--image", "")],
)
def test_what_is_no_name_never_gets_into_the_yaml(capsys, flags):
    assert main(["reader", *flags]) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert "use for instance" in said.err
