"""The files that start a cluster in containers fit the program, and their own formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from headwater.config.advice import advice
from headwater.config.file import load_settings
from headwater.config.settings import Settings

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
COMPOSE = yaml.safe_load((PACKAGING / "cluster" / "compose.yml").read_text())
NODES = {name: each for name, each in COMPOSE["services"].items() if name.startswith("node-")}
MANIFESTS = list(yaml.safe_load_all((PACKAGING / "kubernetes" / "headwater.yaml").read_text()))
POD = "headwater-1"


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [each for each in MANIFESTS if each["kind"] == kind]


def container() -> dict[str, Any]:
    (stateful,) = of_kind("StatefulSet")
    (only,) = stateful["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def environment_of_pod() -> dict[str, str]:
    """What a pod sees, its secrets and fields filled in."""
    secrets = {"registry-url": "redis://:secret@valkey:6379", "node-password": "between nodes"}
    values: dict[str, str] = {}
    for each in container()["env"]:
        match each:
            case {"value": text}:
                value = re.sub(r"\$\((\w+)\)", lambda name: values[name[1]], text)
            case {"valueFrom": {"secretKeyRef": {"name": "headwater", "key": key}}}:
                value = secrets[key]
            case {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}:
                value = POD
            case _:
                raise AssertionError(each)
        values[each["name"]] = value
    return {name: value for name, value in values.items() if name.startswith("HEADWATER_")}


def environments() -> Iterator[dict[str, str]]:
    for node in NODES.values():
        yield {
            name: value.replace("${NODE_PASSWORD:?set it first, see the top of the file}", "secret")
            for name, value in node["environment"].items()
        }
    yield environment_of_pod()


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']}")
@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
def test_kubernetes_takes_each_manifest(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifest, "spec": {"no": "such"}}, version, strict=True)


@pytest.mark.parametrize("environment", list(environments()))
def test_each_node_is_configured_by_settings_that_there_are(environment: dict[str, str]) -> None:
    settings = load_settings(environment=environment)
    assert [each for each in advice(settings, environment) if "HEADWATER_" in each] == []
    assert settings.cluster.url
    assert settings.cluster.node in settings.cluster.advertise_url
    assert settings.cluster.advertise_url.endswith(f":{Settings().server.publish_port}")
    assert settings.rtp.play_transports == settings.rtp.publish_transports
    assert [each.value for each in settings.rtp.play_transports] == ["tcp"]


def test_nodes_of_compose_have_names_addresses_and_ports_of_their_own() -> None:
    assert len(NODES) == 3
    for name, node in NODES.items():
        environment = node["environment"]
        assert environment["HEADWATER_CLUSTER__NODE"] == name
        assert environment["HEADWATER_CLUSTER__ADVERTISE_URL"] == f"rtsp://{name}:8554"
    ports = [port.split(":")[0] for node in NODES.values() for port in node["ports"]]
    assert len(set(ports)) == len(ports) == 6
    build = NODES["node-1"]["build"]
    folder = (PACKAGING / "cluster" / build["context"]).resolve()
    assert (folder / build["dockerfile"]).is_file()


def test_pods_reach_each_other_by_the_service_that_has_no_address() -> None:
    (stateful,) = of_kind("StatefulSet")
    nodes, public = of_kind("Service")
    assert nodes["spec"]["clusterIP"] == "None"
    assert nodes["spec"]["publishNotReadyAddresses"] is True
    assert stateful["spec"]["serviceName"] == nodes["metadata"]["name"]
    advertised = environment_of_pod()["HEADWATER_CLUSTER__ADVERTISE_URL"]
    assert advertised == f"rtsp://{POD}.{nodes['metadata']['name']}:8554"
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    for selector in (nodes["spec"]["selector"], public["spec"]["selector"]):
        assert selector.items() <= labels.items()
    (budget,) = of_kind("PodDisruptionBudget")
    assert budget["spec"]["selector"] == stateful["spec"]["selector"]


def test_the_ports_of_the_services_are_those_of_the_container() -> None:
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert ports == {"rtsp": Settings().server.publish_port, "http": 8080}
    named = {port["targetPort"] for each in of_kind("Service") for port in each["spec"]["ports"]}
    assert named <= set(ports)


def test_a_pod_has_time_to_drain() -> None:
    (stateful,) = of_kind("StatefulSet")
    drain_s = load_settings(environment=environment_of_pod()).server.drain_s
    before_s = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    pod = stateful["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= drain_s + before_s + 5
