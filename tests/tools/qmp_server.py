#!/usr/bin/env python3
"""Stand-in for QEMU's monitor in tests: a QMP server that opens the VFIO nodes of the devices that it is given.

usage: qmp_server.py SOCKET [WORD...]
  no-greeting     accepts connections and sends nothing
  garbage         sends a line that is no JSON
  other           sends JSON that is no greeting
  silent=COMMAND  does not answer this command
  close=COMMAND[:N]  closes the connection and ends when it gets this command for the Nth time (default 1)
  die=COMMAND[:N]    carries out this command for the Nth time and ends without an answer
  linger=SECONDS  keeps the VFIO nodes open for this time after its end, as a process does that is being killed
  drop=COMMAND    carries out this command and does not answer it
  lose=COMMAND    carries out this command and closes the connection; further clients are served
  refuse=COMMAND  answers this command with an error
  answer=COMMAND:JSON  does not carry out this command, and answers it with the members of this object
  delay=SECONDS   waits before each answer
  spell=FORM      tells the path of a device as if QEMU had been given another spelling: slash (with a final
                  slash), real (without links)
  busy            refuses each device_add as QEMU does if another process has the VFIO group open
  refuse-second   refuses the second device_add
  guest=never     the guest never releases a device
  guest=refuses   the guest refuses to release devices
  guest=SECONDS   the guest releases a device after this time (default 0.1)
  ports=N         devices can be plugged into N ports only (default: anywhere)
  paused-event    sends events of other kinds before each answer
Each command is written to SOCKET.log as one line of JSON.
"""
import json
import os
import socket
import sys
import threading
import time

path = sys.argv[1]
words = set(sys.argv[2:])


def value_of(key, default=None):
    for word in words:
        if word.startswith(key + "="):
            return word[len(key) + 1:]
    return default


ports = value_of("ports")
devices = {}  # id: (properties, descriptor of the node, port)
adds = 0
counts = {}
lock = threading.Lock()


def is_time_for(key, command):
    """Returns whether this is the Nth of these commands."""
    name, _, number = value_of(key, "").partition(":")
    return name == command and counts[command] == int(number or 1)


def end():
    linger = value_of("linger")
    if linger and os.fork() == 0:
        server.close()
        os.closerange(0, min([entry[1] for entry in devices.values()], default=3))
        time.sleep(float(linger))
    os._exit(0)


def node_of(properties):
    directory = properties.get("sysfsdev") or "/sys/bus/pci/devices/" + properties["host"]
    group = os.path.basename(os.readlink(directory + "/iommu_group"))
    return "/dev/vfio/" + group


class Client:
    def __init__(self, connection):
        self.connection = connection
        self.file = connection.makefile("r", encoding="utf-8")

    def send(self, message):
        try:
            with lock:
                self.connection.sendall((json.dumps(message) + "\n").encode())
        except OSError:
            pass

    def event(self, name, **data):
        self.send({"event": name, "data": data, "timestamp": {"seconds": 0, "microseconds": 0}})

    def serve(self):
        if "no-greeting" in words:
            threading.Event().wait()
        if "garbage" in words:
            self.connection.sendall(b"\x00\xff not JSON\n")
            threading.Event().wait()
        if "other" in words:
            self.send({"hello": "I am no QEMU"})
            threading.Event().wait()
        self.send({"QMP": {"version": {"qemu": {"major": 9, "minor": 0, "micro": 0}, "package": ""}, "capabilities": []}})
        for line in self.file:
            request = json.loads(line)
            with open(path + ".log", "a", encoding="utf-8") as log:
                log.write(json.dumps({"execute": request["execute"], **request.get("arguments", {})}) + "\n")
            self.answer(request)

    def answer(self, request):
        command, arguments = request["execute"], request.get("arguments", {})
        if value_of("silent") == command:
            return
        counts[command] = counts.get(command, 0) + 1
        if is_time_for("close", command):
            end()
        if "paused-event" in words:
            self.event("STOP")
        try:
            time.sleep(float(value_of("delay", "0")))
            other_answer = value_of("answer", "").partition(":")
            if other_answer[0] == command:
                self.send({**json.loads(other_answer[2]), "id": request.get("id")})
                return
            if value_of("refuse") == command:
                raise ValueError("GenericError", "refused by the test")
            result = getattr(self, command.replace("-", "_"))(**arguments)
        except ValueError as refusal:
            self.send({"error": {"class": refusal.args[0], "desc": refusal.args[1]}, "id": request.get("id")})
            return
        if is_time_for("die", command):
            end()
        if value_of("lose") == command:
            self.connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        if value_of("drop") != command:
            self.send({"return": result, "id": request.get("id")})
        if command == "device_del":
            self.release(arguments["id"])

    def qmp_capabilities(self):
        return {}

    def qom_list(self, path):
        names = ["port%d" % n for n in range(int(ports or 0))]
        if path == "/machine/peripheral":
            return ([{"name": "type", "type": "string"}] +
                    [{"name": name, "type": "child<pcie-root-port>"} for name in names] +
                    [{"name": name, "type": "child<" + entry[0]["driver"] + ">"} for name, entry in devices.items()])
        name = path[len("/machine/peripheral/"):]
        if name in names:
            return [{"name": "addr", "type": "int32"}, {"name": name, "type": "child<PCIE>"}]
        if "/" in name:
            used = [entry for entry in devices.values() if entry[2] == os.path.basename(name)]
            return [{"name": "type", "type": "string"}] + [{"name": "child[0]", "type": "link<vfio-pci>"} for _ in used]
        return []

    def qom_get(self, path, property):
        properties = devices[os.path.basename(path)][0]
        directory = properties.get("sysfsdev") or "/sys/bus/pci/devices/" + properties["host"]
        spelling = value_of("spell")
        return directory + "/" if spelling == "slash" else os.path.realpath(directory) if spelling == "real" else directory

    def device_add(self, **properties):
        global adds
        adds += 1
        if "iommufd" in properties:
            raise ValueError("GenericError", "Property 'vfio-pci.iommufd' not found")
        if "busy" in words:
            raise ValueError("GenericError", "vfio: failed to open /dev/vfio/7: Device or resource busy")
        if "refuse-second" in words and adds == 2:
            raise ValueError("GenericError", "refused by the test")
        if ports is not None and "bus" not in properties:
            raise ValueError("GenericError", "Bus 'pcie.0' does not support hotplugging")
        if properties["id"] in devices:
            raise ValueError("GenericError", "Duplicate device ID '%s'" % properties["id"])
        try:
            node = os.open(node_of(properties), os.O_RDWR)
        except OSError as error:
            raise ValueError("GenericError", "vfio: error opening the node: " + os.strerror(error.errno)) from error
        devices[properties["id"]] = (properties, node, properties.get("bus"))
        return {}

    def device_del(self, id):
        if id not in devices:
            raise ValueError("DeviceNotFound", "Device '%s' not found" % id)
        return {}

    def release(self, id):
        guest = value_of("guest", "0.1")
        if id not in devices or guest == "never":
            return
        if guest == "refuses":
            self.event("DEVICE_UNPLUG_GUEST_ERROR", device=id, path="/machine/peripheral/" + id)
            return

        def later():
            self.event("DEVICE_DELETED", path="/machine/peripheral/%s/child" % id)
            os.close(devices.pop(id)[1])
            self.event("DEVICE_DELETED", device=id, path="/machine/peripheral/" + id)

        threading.Timer(float(guest), later).start()


if os.path.exists(path):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(1)
while True:  # one client at a time, as QEMU does
    try:
        Client(server.accept()[0]).serve()
    except ConnectionError:
        pass
