"""What deploy/ and docker/ say is true: names exist, ports agree, nothing runs as root.

usage: deploy_yaml_test.py SOURCE_FOLDER
"""
import pathlib
import re
import sys
import unittest

import yaml

SOURCE = pathlib.Path(sys.argv.pop(1))
BASE = SOURCE / "deploy/k8s/base"
USER = 65532


def documents():
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    for name in kustomization["resources"]:
        yield from yaml.safe_load_all((BASE / name).read_text())


def one(kind):
    found = [each for each in documents() if each["kind"] == kind]
    assert len(found) == 1, f"{len(found)} of kind {kind}"
    return found[0]


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.workload = one("StatefulSet")
        self.pod = self.workload["spec"]["template"]["spec"]
        self.container = self.pod["containers"][0]
        self.ports = {port["name"]: port["containerPort"] for port in self.container["ports"]}
        self.config = one("ConfigMap")["data"]["server.toml"]

    def listen(self, section):
        """The port of `listen` in a section of the configuration."""
        text = self.config.split(f"[{section}]")[1].split("\n[")[0]
        return int(re.search(r'listen = "[^"]*:(\d+)"', text).group(1))

    def test_every_file_of_the_base_is_listed_and_there(self):
        kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
        there = {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
        self.assertEqual(set(kustomization["resources"]), there)

    def test_ports_agree_with_the_configuration_and_the_documentation(self):
        self.assertEqual(self.ports, {"grpc": self.listen("server"), "ops": self.listen("ops")})
        documented = (SOURCE / "docs/server-toml.md").read_text()
        self.assertIn(f'"0.0.0.0:{self.ports["grpc"]}"', documented)
        self.assertIn(f'"127.0.0.1:{self.ports["ops"]}"', documented)

    def test_the_service_and_the_policy_name_what_is_there(self):
        labels = self.workload["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(self.workload["spec"]["selector"]["matchLabels"], labels)
        service = one("Service")
        self.assertEqual(service["spec"]["selector"], labels)
        self.assertEqual(self.workload["spec"]["serviceName"], service["metadata"]["name"])
        for port in service["spec"]["ports"]:
            self.assertEqual(port["port"], self.ports[port["targetPort"]])
        policy = one("NetworkPolicy")["spec"]
        self.assertEqual(policy["podSelector"]["matchLabels"], labels)
        open_ports = {port["port"] for rule in policy["ingress"] for port in rule["ports"]}
        self.assertEqual(open_ports, set(self.ports.values()))

    def test_volumes_and_mounts_match_and_hold_what_the_configuration_names(self):
        volumes = {volume["name"] for volume in self.pod["volumes"]}
        volumes |= {each["metadata"]["name"]
                    for each in self.workload["spec"]["volumeClaimTemplates"]}
        mounts = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        self.assertEqual(set(mounts), volumes)
        config_maps = [v["configMap"]["name"] for v in self.pod["volumes"] if "configMap" in v]
        self.assertEqual(config_maps, [one("ConfigMap")["metadata"]["name"]])
        self.assertEqual(self.container["args"], ["--config", mounts["config"]])
        for key in ("cert", "key", "ca"):
            path = re.search(rf'^{key} = "([^"]+)"', self.config, re.M).group(1)
            self.assertTrue(path.startswith(mounts["tls"] + "/"), path)
        data = re.search(r'^data = "([^"]+)"', self.config, re.M).group(1)
        self.assertTrue(data.startswith(mounts["data"] + "/"), data)

    def test_nothing_runs_as_root_or_writes_its_root(self):
        pod, container = self.pod["securityContext"], self.container["securityContext"]
        self.assertTrue(pod["runAsNonRoot"])
        self.assertEqual((pod["runAsUser"], pod["fsGroup"]), (USER, USER))
        self.assertEqual(pod["seccompProfile"]["type"], "RuntimeDefault")
        self.assertTrue(container["readOnlyRootFilesystem"])
        self.assertFalse(container["allowPrivilegeEscalation"])
        self.assertEqual(container["capabilities"]["drop"], ["ALL"])
        self.assertFalse(self.pod["automountServiceAccountToken"])

    def test_probes_ask_the_ops_port_for_paths_that_exist(self):
        endpoint = (SOURCE / "src/common/metrics/ops_endpoint.cc").read_text()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            get = self.container[probe]["httpGet"]
            self.assertEqual(get["port"], "ops")
            self.assertIn(f'"{get["path"]}"', endpoint)

    def test_the_drain_fits_into_the_grace_period(self):
        drain = int(re.search(r'^drain = "(\d+)s"', self.config, re.M).group(1))
        self.assertLess(drain, self.pod["terminationGracePeriodSeconds"])

    def test_the_configuration_has_only_documented_keys(self):
        documented = (SOURCE / "docs/server-toml.md").read_text()
        for key in re.findall(r"^(\w+) = ", self.config, re.M):
            self.assertIn(f"| `{key}` |", documented)


class Containers(unittest.TestCase):
    def setUp(self):
        self.dockerfile = (SOURCE / "docker/Dockerfile").read_text()

    def test_both_targets_run_as_the_same_user_as_kubernetes(self):
        for target in ("server", "client"):
            self.assertIn(f"FROM runtime AS {target}", self.dockerfile)
        self.assertIn(f"USER {USER}:{USER}", self.dockerfile)
        self.assertEqual(self.dockerfile.count("HEALTHCHECK"), 2)

    def test_the_image_exposes_the_work_port(self):
        self.assertIn("EXPOSE 8443", self.dockerfile)

    def test_copied_sources_exist(self):
        ignore = (SOURCE / "docker/Dockerfile.dockerignore").read_text()
        for line in ignore.splitlines():
            if line.startswith("!"):
                self.assertTrue((SOURCE / line[1:]).exists(), line)


class Systemd(unittest.TestCase):
    def test_units_are_hardened_and_start_our_programs(self):
        for name in ("server", "client"):
            unit = (SOURCE / f"deploy/systemd/consilium-{name}.service").read_text()
            self.assertIn(f"ExecStart=/usr/bin/consilium-{name} ", unit)
            self.assertIn(f"/etc/consilium/{name}.toml", unit)
            for setting in ("NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateDevices=yes",
                            "CapabilityBoundingSet=\n", "User=consilium", "LimitCORE=0"):
                self.assertIn(setting, unit)


if __name__ == "__main__":
    unittest.main()
