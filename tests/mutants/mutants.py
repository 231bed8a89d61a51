#!/usr/bin/env python3
"""Seeds changes ("mutants") in the sources of planning, execution, storage and host access, and reports which test fails for each.

usage: mutants.py [--seed N] [--count N] [--jobs N]    N mutants that compile, chosen by the seed; continues where the last run ended
       mutants.py --only FILE:LINE[:OPERATOR]...       the mutants of a line
       mutants.py --again                              those of the seed that have survived
       mutants.py --list [--only FILE:LINE]            prints the possible mutants, makes none
       mutants.py --summary                            prints the table of the results of all seeds, makes no mutants

--stages unit program sim: runs only these tests. --scripts NAME...: runs these scripts of tests/sim, not those chosen by the file.

The tests run on a copy of the tree in build/mutants (--directory), which is brought up to date first; --built omits that. A mutant is
one changed source file, compiled alone and linked before the libraries. Requires root: each test runs in mount and PID namespaces of
its own. The results are in results-SEED.jsonl in the directory, one line a mutant; the last line of a mutant counts.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

from operators import all_sites

TOP = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ("plan", "run", "store", "host")
PROGRAMS = ("mdevadm", "mdevsim", "unit", "program", "lay_tree", "kill_at", "fail_malloc", "churn")

# Scripts of tests/sim, and of tests/compat, that run if the unit tests and the program tests find no difference: those of the
# area first, then those that exercise most of the program.
AREAS = (
    (r"plan/(queues|condition)|host/ap", ("ap", "ap-live", "ap-field")),
    (r"plan/(apply|wanted|expand|place_all|differences|vgpu_manager|choose|room)|store/(host_file|vgpu_manager)", ("apply", "vgpu-dm")),
    (r"plan/(boot|start_order)|run/boot|store/boot", ("boot", "results", "reboot")),
    (r"plan/(check|diagnose|explain|offers|probe)|run/probe|store/probe", ("check", "offers", "addresses", "probe")),
    (r"plan/(watch)|run/monitor|host/watch", ("monitor",)),
    (r"plan/(prepare|functions)|run/(prepare|parent|place)|store/parent|host/(programs|sriov)", ("prepare", "places", "nvidia-hosts")),
    (r"plan/(live|restart|conflicts)", ("drift", "restart", "ap-live")),
    (r"plan/guest|run/(qmp|domain)", ("attach",)),
    (r"plan/(claims|requirement|candidates|placements)|run/pool|store/claims", ("pool", "need", "select")),
    (r"plan/(group|identity|resolve|definitions|devices)|store/group", ("group", "select")),
    (r"store/(mdevctl|config|json|node)|run/hook|plan/(definitions|devices)", ("conformance", "hooks", "import")),
    (r"host/(functions|forum|flat|sriov|interface|vgpu|unlisted|type|upstream)|plan/(capacity|shared)",
     ("functions", "forum", "flat", "gpus", "upstream", "aggregate")),
    (r"host/(holders|read_removing|effects|answers)|run/(perform|executor|observe|preview)", ("hold", "faults", "refusals")),
)
COMMON = ("group", "faults", "results", "select", "drift", "functions", "gpus", "apply")


STANDARD = ("<algorithm>", "<atomic>", "<chrono>", "<functional>", "<map>", "<memory>", "<mutex>", "<optional>", "<set>", "<string>",
            "<thread>", "<variant>", "<vector>", "<fmt/format.h>")


def plain_options(words):
    """The options of a compiler without those that cost time and change nothing."""
    return [word for word in words if not re.match("-[Wg]", word)] + ["-w", "-O0"]


def scripts_of(file):
    names = [name for pattern, area in AREAS if re.search(pattern, file) for name in area]
    return list(dict.fromkeys([*names, *COMMON]))


class Lab:
    """The copy of the tree, its build, and the tests that run on a mutant."""

    def __init__(self, directory, names, stages):
        self.tree, self.build, self.work = directory / "tree", directory / "tree/build/ci", directory / "work"
        self.scripts = names
        self.compiler = shutil.which("clang++") or "c++"
        self.stages = stages
        self.limits = {"unit": 600, "program": 1200}  # seconds; a loaded machine is slow
        self.lock = threading.Lock()
        self.passed = {}

    def copy_tree(self):
        names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP, check=True,
                               capture_output=True).stdout.decode().split("\0")
        wanted = {name for name in names if name and (TOP / name).is_file()}
        for name in wanted:
            text = (TOP / name).read_bytes()
            copy = self.tree / name
            if not copy.is_file() or copy.read_bytes() != text:
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(text)
                copy.chmod((TOP / name).stat().st_mode & 0o777)
        for path in self.tree.rglob("*"):
            name = path.relative_to(self.tree)
            if path.is_file() and name.parts[0] != "build" and str(name) not in wanted:
                path.unlink()

    def prepare(self, built):
        if not built:
            shutil.rmtree(self.work, ignore_errors=True)
            self.build_copy()
            self.require_passing()
        self.work.mkdir(exist_ok=True)
        self.read_commands()

    def build_copy(self):
        self.copy_tree()
        linker = next((f"-fuse-ld={name}" for name in ("mold", "lld", "gold") if shutil.which(name) or shutil.which(f"ld.{name}")), "")
        if not (self.build / "build.ninja").exists():
            subprocess.run(["cmake", "--preset", "ci", f"-DCMAKE_EXE_LINKER_FLAGS={linker}", "-DMDEVADM_MAN=OFF"], cwd=self.tree,
                           check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", self.build, "--target", *PROGRAMS], check=True, stdout=subprocess.DEVNULL)

    def stripped(self, word):
        """An object file or a library of the build without debug information, which takes most of the time to link."""
        path = self.build / word
        if path.suffix not in (".o", ".a") or not path.is_relative_to(self.build) or not path.is_file():
            return word
        result = self.work / "link" / word.replace("/", "-")
        if not result.exists():
            result.parent.mkdir(exist_ok=True)
            subprocess.run(["strip", "-g", "-o", result, path], check=True)
        return str(result)

    def read_commands(self):
        commands = json.loads((self.build / "compile_commands.json").read_text())
        # A build of the preset ci has one command for several sources of a layer.
        self.compile = {layer: next(entry for entry in commands if f"mdevadm_{layer}.dir" in entry["command"]) for layer in LAYERS}
        self.links = {}
        for name in ("unit", "mdevadm"):
            target = next(path for path in ("src/mdevadm", "tests/unit") if path.endswith(name))
            text = subprocess.run(["ninja", "-C", self.build, "-t", "commands", "-s", target], check=True, capture_output=True,
                                  text=True).stdout
            line = next(part for part in text.splitlines()[-1].split(" && ") if " -o " in part)
            self.links[name] = [self.stripped(word) for word in shlex.split(line) if word != "-g1"]

    def require_passing(self):
        """The tests must pass without a change."""
        for name in ("unit", "program"):
            why = self.run_catch(name, self.build / "src/mdevadm", self.build / "tests/unit", [])
            if why:
                sys.exit(f"{name} fails without a mutant: {why}")

    def isolated(self, command, limit, environment=None, mdevadm=None):
        """Runs a command in namespaces of its own, with the program under test in place of the one built; ends at the first failed
        check. Returns the exit code and the output; None after the time limit."""
        mount = ["sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', mdevadm, self.build / "src/mdevadm"] if mdevadm else []
        process = subprocess.Popen(["nice", "-n", "10", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *mount,
                                    *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env={**os.environ, **(environment or {})}, start_new_session=True)
        timer = threading.Timer(limit, process.kill)
        timer.start()
        lines, failed = [], False
        for line in process.stdout:
            lines.append(line.decode(errors="replace").rstrip())
            if lines[-1].startswith("not ok"):
                failed = True
                process.kill()
                break
        code = process.wait()
        late = not timer.is_alive()
        timer.cancel()
        process.stdout.close()
        if late and not failed and code == -signal.SIGKILL:
            return None, lines
        return (1 if failed else code), lines

    def run_catch(self, name, mdevadm, unit, tests):
        """Returns the name of the first failed test, or None."""
        path = unit if name == "unit" else self.build / "tests/program"
        code, lines = self.isolated([path, "--abort", "--filenames-as-tags", *tests], self.limits[name], mdevadm=mdevadm)
        if code is None:
            return "time limit"
        if code == 0:
            return None
        for number, line in enumerate(lines):
            if line.startswith("-----") and number + 1 < len(lines):
                return lines[number + 1].strip()
        return f"exit code {code}: {' '.join(lines[-2:])[:100]}"

    def fails_again(self, name, mdevadm, unit, test):
        """A few tests depend on the time that a loaded machine takes: a failure counts if the test, run alone, fails too."""
        if test == "time limit" or test.startswith("exit code"):
            return True
        return self.run_catch(name, mdevadm, unit, [re.sub(r"([,\[\]\\])", r"\\\1", test) + "*"]) is not None

    def failure(self, name, mdevadm, unit, tests):
        """Returns the name of a test that fails, or None. The tests end at the first failure, so if that one does not occur again,
        the tests after it have not run."""
        for _ in range(3):
            why = self.run_catch(name, mdevadm, unit, tests)
            if not why or self.fails_again(name, mdevadm, unit, why):
                return why
        return None

    def run_script(self, name, mdevadm, limit=400):
        """Returns the sentence of the first failed check, or None."""
        script = ["tests/compat/conformance.sh", "mdevadm"] if name == "conformance" else [f"tests/sim/{name}.sh"]
        environment = {"MDEVADM": str(self.build / "src/mdevadm"), "BUILD": str(self.build)}
        for program in ("mdevsim", "lay_tree", "kill_at", "churn"):
            environment[program.upper()] = str(self.build / ("src" if program == "mdevsim" else "tests") / program)
        code, lines = self.isolated(["bash", self.tree / script[0], *script[1:]], limit, environment, mdevadm)
        if code is None:
            return "time limit"
        if code == 0:
            return None
        return next((line for line in lines if line.startswith("not ok")), f"exit code {code}: {' '.join(lines[-2:])[:100]}")

    def passes_unchanged(self, name):
        with self.lock:
            if name not in self.passed:
                self.passed[name] = self.run_script(name, self.build / "src/mdevadm") is None
            return self.passed[name]

    def precompiled(self, layer, entry):
        """clang compiles a source in a third of the time if the headers of the lower layers are compiled before."""
        if "clang" not in self.compiler:
            return []
        header, result = self.work / f"{layer}.hpp", self.work / f"{layer}.pch"
        with self.lock:
            if not result.exists():
                names = [f"<{path.relative_to(self.tree / 'include')}>" for below in ("util", "sys", "model", layer)
                         if (layer, below) != ("plan", "sys") for path in sorted((self.tree / "include/mdevadm" / below).glob("*.hpp"))]
                header.write_text("".join(f"#include {name}\n" for name in (*STANDARD, *names)))
                words = plain_options(shlex.split(entry["command"])[1:])
                words[words.index("-c") + 1], words[words.index("-o") + 1] = str(header), str(result)
                subprocess.run(["nice", "-n", "10", self.compiler, "-x", "c++-header", "-fpch-instantiate-templates", *words],
                               cwd=entry["directory"], check=True)
        return ["-include-pch", str(result)]

    def unit_tests(self, layer):
        """The tests of the layer, which are the most likely to fail, then those of the other layers; none that measures time."""
        tags = {name: [f'[#{path.stem}]~"time to*"' for path in sorted((self.tree / "tests/unit" / name).glob("*.cpp"))] for name in LAYERS}
        return [[",".join(tags[layer])], [",".join(tag for name in LAYERS if name != layer for tag in tags[name])]]

    def build_mutant(self, site, text, directory):
        """Returns the object file, or None if the mutant does not compile."""
        source, result = directory / pathlib.Path(site.file).name, directory / "mutant.o"
        source.write_text(text)
        entry = self.compile[site.file.split("/")[1]]
        words = shlex.split(entry["command"])
        words[words.index("-c") + 1] = str(source)
        words[words.index("-o") + 1] = str(result)
        # The headers beside the source are found from where it was.
        options = ["-iquote", str((self.tree / site.file).parent)]
        words = [self.compiler, *options, *self.precompiled(site.file.split("/")[1], entry), *plain_options(words[1:])]
        made = subprocess.run(["nice", "-n", "10", *words], cwd=entry["directory"], capture_output=True)
        return result if made.returncode == 0 else None

    def link(self, name, mutant, directory):
        words = list(self.links[name])
        words[words.index("-o") + 1] = str(directory / name)
        # The first definition of each function counts: the one of the mutant, before those in the libraries.
        words[words.index("-o"):words.index("-o")] = ["-Wl,-z,muldefs", str(mutant)]
        subprocess.run(["nice", "-n", "10", *words], cwd=self.build, check=True, capture_output=True)
        return directory / name

    def judge(self, site):
        directory = self.work / f"mutant-{threading.get_ident()}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        original = (self.tree / site.file).read_text()
        mutant = self.build_mutant(site, original[:site.begin] + site.text + original[site.end:], directory)
        if mutant is None:
            return "does not compile", "", ""
        unit = self.link("unit", mutant, directory)
        for tests in self.unit_tests(site.file.split("/")[1]) if "unit" in self.stages else ():
            if why := self.failure("unit", self.build / "src/mdevadm", unit, tests):
                return "killed", "unit", why
        mdevadm = self.link("mdevadm", mutant, directory)
        if why := self.failure("program", mdevadm, unit, []) if "program" in self.stages else None:
            return "killed", "program", why
        for name in (self.scripts or scripts_of(site.file)) if "sim" in self.stages else ():
            why = self.run_script(name, mdevadm)
            # Some checks depend on the time that a loaded machine takes: they count if they fail again.
            if why and self.passes_unchanged(name) and (why := self.run_script(name, mdevadm)):
                return "killed", "sim", f"{name}: {why}"
        return "survived", "", ""


def chosen(sites, seed):
    """All sites in an order given by the seed: layers and operators take turns, so that each is represented."""
    generator = random.Random(seed)
    groups = collections.defaultdict(list)
    for site in sites:
        groups[site.file.split("/")[1], site.operator].append(site)
    for group in groups.values():
        generator.shuffle(group)
    while groups:
        keys = list(groups)
        generator.shuffle(keys)
        for key in keys:
            yield groups[key].pop()
            if not groups[key]:
                del groups[key]


def read_results(paths):
    entries = [json.loads(line) for path in paths if path.exists() for line in path.read_text().splitlines()]
    return {entry["id"]: entry for entry in entries}


def print_summary(results):
    by_layer = collections.defaultdict(collections.Counter)
    for entry in results.values():
        column = entry["by"] or entry["status"]
        by_layer[entry["file"].split("/")[1]][column] += 1
        by_layer["all"][column] += 1
    columns = ("does not compile", "unit", "program", "sim", "survived")
    print("| layer | compiled | killed by unit | by program | by sim | survived | not compiled |\n|---|---|---|---|---|---|---|")
    for layer in (*LAYERS, "all"):
        count = by_layer[layer]
        print(f"| {layer} | {sum(count.values()) - count[columns[0]]} | " + " | ".join(str(count[name]) for name in columns[1:]) +
              f" | {count[columns[0]]} |")


def parse():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--scripts", nargs="*")
    parser.add_argument("--built", action="store_true", help="the copy is up to date and built")
    parser.add_argument("--stages", nargs="+", default=["unit", "program", "sim"])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("--directory", type=pathlib.Path, default=TOP / "build/mutants")
    return parser.parse_args()


def selected(options, results):
    root = TOP if options.list else options.directory / "tree"
    sites = [site for layer in LAYERS for path in sorted((root / "src" / layer).glob("*.cpp"))
             for site in all_sites(str(path.relative_to(root)), path.read_text())]
    if options.only:
        return [site for site in sites if any(site.key.startswith(only + ":") or site.key == only for only in options.only)]
    if options.again:
        return [site for site in sites if results.get(site.key, {}).get("status") == "survived"]
    order = list(chosen(sites, options.seed))
    return order if options.list else [site for site in order if site.key not in results]


def main():
    options = parse()
    log = options.directory / f"results-{options.seed}.jsonl"
    results = read_results(sorted(options.directory.glob("results-*.jsonl")) if options.summary else [log])
    if options.list:
        for site in selected(options, results):
            print(f"{site.key}: {site.shown}")
        return
    if not options.summary:
        lab = Lab(options.directory.resolve(), options.scripts, options.stages)
        lab.prepare(options.built)
        wanted = selected(options, results)
        rest = iter(wanted)
        lock = threading.Lock()

        def compiled():
            return sum(entry["status"] != "does not compile" for entry in results.values())

        def work():
            while True:
                with lock:
                    enough = not options.only and not options.again and compiled() >= options.count
                    site = None if enough else next(rest, None)
                if site is None:
                    return
                begin = time.monotonic()
                status, by, why = lab.judge(site)
                entry = {"id": site.key, "file": site.file, "change": site.shown, "status": status, "by": by, "why": why, "tried": options.stages,
                         "seconds": round(time.monotonic() - begin, 1)}
                with lock:
                    results[site.key] = entry
                    with log.open("a") as file:
                        file.write(json.dumps(entry) + "\n")
                    print(f"{compiled()} {status} {by} {entry['seconds']} s {site.key}: {site.shown}  [{why}]", flush=True)

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for future in [pool.submit(work) for _ in range(options.jobs)]:
                future.result()
    for entry in results.values():
        if entry["status"] == "survived":
            print(f"survived: {entry['id']}: {entry['change']}")
    print_summary(results)


if __name__ == "__main__":
    main()
