"""What sim/races.sh compares at its end. Each question prints what is wrong, or nothing.

  races.py before              the available instances of all types
  races.py QUESTION DIRECTORY  DIRECTORY has the output of `before` at the beginning, and the events of monitor
"""
import fcntl
import glob
import json
import os
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

BUS = Path("/sys/bus/mdev/devices")
PCI = Path("/sys/bus/pci/devices")
RUN = Path("/run/mdevadm")


def mdevadm(*words):
    result = subprocess.run([os.environ["MDEVADM"], *words, "--json"], capture_output=True, text=True)
    if result.returncode not in (0, 8) or result.stderr:
        print(f"{' '.join(words)} exits with {result.returncode}: {result.stderr}")
    return json.loads(result.stdout)


def text(path):
    return Path(path).read_text().strip()


def available():
    """By parent and type, of the types that are directories."""
    return {
        (path.split("/")[4], path.split("/")[6]): int(text(path))
        for path in glob.glob("/sys/class/mdev_bus/*/mdev_supported_types/*/available_instances")
    }


def functions():
    """The type of each virtual function that has one, by address."""
    types = {path.parts[5]: text(path) for path in PCI.glob("*/nvidia/current_vgpu_type")}
    return {name: type for name, type in types.items() if type != "0"}


def mdevs():
    """The parent and type of each mediated device, by UUID."""
    return {
        path.name: (path.resolve().parent.name, (path / "mdev_type").resolve().name) for path in BUS.iterdir()
    }


def before(_):
    for place, number in sorted(available().items()):
        print(*place, number)
    for path in sorted(PCI.glob("*/nvidia/creatable_vgpu_types")):
        print(path.parts[5], " ".join(text(path).split()))


def sums(directory):
    maximum = {}
    for line in Path(directory, "before").read_text().splitlines():
        words = line.split()
        if words[0].startswith("0000:8"):
            maximum[words[0], words[1]] = int(words[2])
    created = Counter(mdevs().values())
    now = available()
    for (parent, type), number in maximum.items():
        # While a GPU has devices of one type it offers no other.
        others = [place for place in created if place[0] == parent and place[1] != type]
        if others and (created[parent, type] or now[parent, type]):
            print(f"{parent}: {type} and {others}")
        if not others and created[parent, type] + now[parent, type] != number:
            print(f"{parent} {type}: {created[parent, type]} devices, {now[parent, type]} available, maximum {number}")


def listings(_):
    devices = mdevadm("list", "-o", "uuid,parent,type,vf")["devices"]
    listed = sorted(device["vf"] or device["uuid"] for device in devices)
    if listed != sorted([*mdevs(), *functions()]):
        print(f"list: {listed}, sysfs: {sorted([*mdevs(), *functions()])}")
    types = mdevadm("types", "-o", "parent,type,available")["types"]
    for type in types:
        place = type["parent"], type["type"]
        if available().get(place, type["available"]) != type["available"]:
            print(f"types: {type}")
    findings = mdevadm("check")["findings"]
    # Not vf-taken: a define reserves a virtual function under the lock of the definitions, a start of another device takes one under
    # that of the parent, and both can choose the same one at the same time.
    wrong = [finding for finding in findings if any(word in finding["finding"] for word in ("broken", "unread", "-shared", "uuid-taken"))]
    if wrong:
        print(wrong)
    with_definition = {device["uuid"] for device in mdevadm("list", "--defined", "-o", "uuid")["devices"]}
    undefined = {device["uuid"] for device in devices} - with_definition
    found = sum(finding["finding"] == "device-undefined" for finding in findings)
    if found != len(undefined):
        print(f"check finds {found} devices without a definition, list {sorted(undefined)}")


def replayed(directory):
    """The devices according to the events, and the events that contradict them."""
    present, problems, count = set(), [], Counter()
    for line in Path(directory, "events").read_text().splitlines():
        event = json.loads(line)
        count[event["event"]] += 1
        if event["event"] not in ("device-created", "device-removed"):
            if event["event"] == "events-dropped":
                problems.append(line)
            continue
        device = event["vf"] or event["uuid"]
        if (event["event"] == "device-created") == (device in present):
            problems.append(line)
        present ^= {device}
    return present, problems, count


def events(directory):
    end = time.monotonic() + 30
    actual = {*mdevs(), *functions()}
    present, problems, count = replayed(directory)
    while present != actual and time.monotonic() < end:
        time.sleep(0.5)
        present, problems, count = replayed(directory)
    if present != actual:
        print(f"monitor: {sorted(present - actual)} do not exist, {sorted(actual - present)} are not reported; {count}")
    if problems:
        print(f"{len(problems)} contradictory events, the first: {problems[0]}")


def records(_):
    recorded = {path.name: path.read_text() for path in RUN.glob("devices/*")}
    if len(recorded) != len(functions()):
        print(f"records: {recorded}, functions: {functions()}")
    for name, content in recorded.items():
        if not any(function in content for function in functions()):
            print(f"{name}: {content}")
    claimed = {device["uuid"] for device in mdevadm("list", "--claimed", "-o", "uuid")["devices"]}
    files = {path.stem for path in RUN.glob("claims/*")}
    if not claimed <= files:
        print(f"claimed: {claimed}, files: {files}")


def files(_):
    for path in Path("/etc/mdevadm").rglob("*.toml"):
        wanted = {"groups": "members", "devices": "type"}[path.parts[3]]
        if wanted not in tomllib.loads(path.read_text()):
            print(path, path.read_text())
    for path in Path("/etc/mdevctl.d").rglob("*"):
        if path.is_file() and "mdev_type" not in json.loads(path.read_text()):
            print(path, path.read_text())


def leftovers(_):
    for directory in ("/etc/mdevadm", "/etc/mdevctl.d", RUN):
        for path in Path(directory).rglob(".*"):
            print(path)
    for path in RUN.rglob("*.lock"):
        with open(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{path} is locked")


globals()[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else None)
