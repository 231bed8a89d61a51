#include <mdevadm/run/executor.hpp>

#include <csignal>
#include <filesystem>
#include <thread>

#include <mdevadm/run/hooks.hpp>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/util/text.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

class Recorder final : public Progress {
 public:
  void done(const Job& job, const Action& action) override {
    lines.push_back(job.goal + ": " + describe(action));
  }
  void undone(const Job& job, const Action& action) override {
    lines.push_back(job.goal + ": undo " + describe(action));
  }
  void waiting(const Job& job, const StepWait& wait) override {
    lines.push_back(job.goal + ": waiting for " + mdevadm::describe(wait.holders));
  }

  std::vector<std::string> lines;
};

Definition definition(const char* parent, const char* uuid) {
  return {*Uuid::parse(uuid), *ParentName::parse(parent), *TypeName::parse("t")};
}

Step add(const Definition& d) {
  return {AddDefinition{d, std::nullopt}, RemoveDefinition{d}};
}

Job job_of(const char* goal, const Definition& d, std::vector<Step> steps) {
  return {goal, identity_of(d), d.parent.str(), std::move(steps)};
}

struct World {
  test::TempDir temp;
  sys::Dir root = *sys::Dir::open(temp.str());
  Host host{root};
  store::Store store{root};
  Recorder recorder;

  std::vector<JobResult> run(const Plan& plan) { return carry_out(plan, {host, store}, recorder); }
};

const Definition a = definition("p", "00000000-0000-0000-0000-00000000000a");
const Definition b = definition("p", "00000000-0000-0000-0000-00000000000b");
const Definition c = definition("q", "00000000-0000-0000-0000-00000000000c");

}  // namespace

TEST_CASE("a failed job is rolled back in reverse order and its error reports the rollback") {
  World world;
  const auto results =
      world.run({{job_of("do it", a, {add(a), add(b), {RemoveDefinition{c}, std::nullopt}, add(c)})}});
  REQUIRE(results.size() == 1);
  CHECK(results[0].outcome == Outcome::failed);
  CHECK(results[0].error->code() != ExitCode::done);
  const std::string message = results[0].error->what();
  CHECK(message.find("cannot do it: ") == 0);
  CHECK(message.find("; all changes were rolled back") != std::string::npos);
  CHECK(world.store.load().all.empty());
  REQUIRE(world.recorder.lines.size() == 4);
  CHECK(world.recorder.lines[2].find("undo delete the definition of 00000000-0000-0000-0000-00000000000b") !=
        std::string::npos);
  CHECK(world.recorder.lines[3].find("0a under p") != std::string::npos);
}

TEST_CASE("a step that cannot be rolled back is reported and the other steps are rolled back") {
  World world;
  Step stubborn = add(b);
  stubborn.undo = RemoveDefinition{c};  // fails: the definition does not exist
  const auto results =
      world.run({{job_of("do it", a, {add(a), stubborn, {RemoveDefinition{c}, std::nullopt}})}});
  const std::string message = results[0].error->what();
  CHECK(message.find(
            "; could not be rolled back: delete the definition of 00000000-0000-0000-0000-00000000000c") !=
        std::string::npos);
  CHECK(world.store.load().all == std::vector{b});
}

TEST_CASE("a dependent job runs only if its predecessor succeeds and otherwise fails with the same error") {
  World world;
  Job second = job_of("start it", a, {add(b)});
  second.after = 0;
  const auto good = world.run({{job_of("stop it", a, {add(a)}), second}});
  CHECK(good[1].outcome == Outcome::done);
  CHECK(world.store.load().all.size() == 2);

  World other;
  const auto bad = other.run({{job_of("stop it", a, {{RemoveDefinition{c}, std::nullopt}}), second}});
  CHECK(bad[1].outcome == Outcome::failed);
  CHECK(std::string(bad[1].error->what()) == bad[0].error->what());
  CHECK(other.store.load().all.empty());

  World third;
  Job failing = job_of("start it", a, {{RemoveDefinition{c}, std::nullopt}});
  failing.after = 0;
  const auto stopped = third.run({{job_of("stop it", a, {add(a)}), failing}});
  CHECK(std::string(stopped[1].error->what()).find("stopped now") == std::string::npos);  // none was stopped
}

TEST_CASE("a failed job does not affect independent jobs and results are in plan order") {
  World world;
  const auto results =
      world.run({{job_of("one", a, {add(a)}), job_of("two", c, {{RemoveDefinition{c}, std::nullopt}}),
                  job_of("three", b, {add(b)}), job_of("four", a, {})}});
  REQUIRE(results.size() == 4);
  CHECK(results[0].outcome == Outcome::done);
  CHECK(results[1].outcome == Outcome::failed);
  CHECK(results[2].outcome == Outcome::done);
  CHECK(results[3].outcome == Outcome::unchanged);
  CHECK(world.store.load().all == std::vector{a, b});
}

TEST_CASE("jobs in parallel lanes can write to one directory while the caller holds the lock") {
  World world;
  Plan plan;
  for (int lane = 0; lane < 8; ++lane) {
    for (int i = 0; i < 25; ++i) {
      const Group group{*GroupName::parse(fmt::format("g{}-{}", lane, i))};
      Job job{"create group", identity_of(group), fmt::format("lane{}", lane)};
      job.steps.push_back({AddGroup{group}, RemoveGroup{group}});
      plan.jobs.push_back(std::move(job));
    }
  }
  const auto lock = world.store.lock();
  const auto results =
      carry_out(plan, {.host = world.host, .store = world.store, .holds_definitions = true}, world.recorder);
  CHECK(std::count_if(results.begin(), results.end(),
                      [](const JobResult& one) { return one.outcome == Outcome::done; }) == 200);
  CHECK(world.store.load_groups().all.size() == 200);
}

TEST_CASE("steps are rolled back also if their rollback cannot be reported") {
  struct Mute final : Progress {
    void done(const Job&, const Action&) override {}
    void undone(const Job&, const Action&) override { throw std::bad_alloc(); }
    void waiting(const Job&, const StepWait&) override {}
  };
  World world;
  Mute mute;
  const auto results =
      carry_out({{job_of("do it", a, {add(a), add(b), {RemoveDefinition{c}, std::nullopt}})}},
                {world.host, world.store}, mute);
  CHECK(std::string(results[0].error->what()).ends_with("; all changes were rolled back"));
  CHECK(world.store.load().all.empty());
}

TEST_CASE("jobs in several parallel lanes all succeed") {
  World world;
  Plan plan;
  for (int lane = 0; lane < 8; ++lane) {
    for (int i = 0; i < 25; ++i) {
      const Definition d{Uuid::random(), *ParentName::parse("lane" + std::to_string(lane)),
                         *TypeName::parse("t")};
      plan.jobs.push_back(job_of("add", d, {add(d)}));
    }
  }
  const auto results = world.run(plan);
  CHECK(std::all_of(results.begin(), results.end(),
                    [](const JobResult& r) { return r.outcome == Outcome::done; }));
  CHECK(world.store.load().all.size() == 200);
  CHECK(world.recorder.lines.size() == 200);
}

TEST_CASE("a failed attribute write during start removes the created device") {
  World world;
  test::lay_tree(
      "sys/class/mdev_bus/p -> ../../devices/p\n"
      "sys/devices/p/mdev_supported_types/t/create = \n"
      "sys/devices/p/00000000-0000-0000-0000-00000000000a/remove = \n"
      "sys/devices/p/00000000-0000-0000-0000-00000000000a/mdev_type -> ../mdev_supported_types/t\n"
      "sys/bus/mdev/devices/00000000-0000-0000-0000-00000000000a -> "
      "../../../devices/p/00000000-0000-0000-0000-00000000000a\n",
      world.temp.path());
  const Device device{.uuid = a.uuid,
                      .parent = a.parent,
                      .type = a.type,
                      .path = "sys/devices/p/00000000-0000-0000-0000-00000000000a"};
  const auto results = world.run({{job_of(
      "start it", a,
      {{CreateDevice{{a.uuid, a.parent, a.type}}, RemoveDevice{device, std::chrono::milliseconds(20)}},
       {WriteAttribute{device, {*AttributeName::parse("nosuch"), "1"}}, std::nullopt}})}});
  CHECK(results[0].error->code() == ExitCode::not_found);
  CHECK(test::read_text(world.temp.path() / "sys/devices/p/mdev_supported_types/t/create") ==
        a.uuid.str() + "\n");
  // A child process writes it, which may get the processor only after the removal is reported as pending.
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes{1};
  const auto written = [&] { return test::read_text(world.temp.path() / device.path.str() / "remove"); };
  while (written().empty() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  CHECK(written() == "1\n");
}

TEST_CASE("an attribute that reads back a different value causes a warning") {
  World world;
  test::write_text(world.temp.path() / "sys/devices/p/d/plain", "seven and more");
  test::write_text(world.temp.path() / "sys/devices/p/d/exact", "");
  const Device device{.uuid = a.uuid, .parent = a.parent, .type = a.type, .path = "sys/devices/p/d"};
  // Unlike a sysfs attribute, a regular file keeps the remainder of its old contents.
  const auto results =
      world.run({{job_of("start it", a,
                         {{WriteAttribute{device, {*AttributeName::parse("plain"), "x"}}, std::nullopt},
                          {WriteAttribute{device, {*AttributeName::parse("exact"), "x"}}, std::nullopt}})}});
  CHECK(results[0].outcome == Outcome::done);
  REQUIRE(results[0].warnings.size() == 1);
  CHECK(results[0].warnings[0].find("attribute 'plain' was set to 'x' but reads back 'x") !=
        std::string::npos);
}

TEST_CASE("a virtual function is not reserved if another process has reserved it since") {
  World world;
  const auto with = [](Definition definition, const char* vf) {
    definition.function = FunctionName::parse(vf);
    return definition;
  };
  world.store.add(a, std::nullopt);
  world.store.add(with(b, "0000:41:00.4"), std::nullopt);
  const auto reserve = [&](const char* vf) {
    return world.run({{job_of("start it", a, {{ReserveFunction{a, with(a, vf)}, std::nullopt}})}}).at(0);
  };
  const JobResult late = reserve("0000:41:00.4");
  CHECK(late.outcome == Outcome::done);
  REQUIRE(late.warnings.size() == 1);
  CHECK(late.warnings[0].ends_with("another process has reserved virtual function 0000:41:00.4 for '" +
                                   b.uuid.str() + "'"));
  CHECK(world.store.load().find(a.uuid, a.parent)->function == std::nullopt);
  CHECK(reserve("0000:41:00.5").warnings.empty());
  CHECK(world.store.load().find(a.uuid, a.parent)->function == FunctionName::parse("0000:41:00.5"));
}

TEST_CASE("a failed job of an all-or-none plan rolls back all jobs") {
  World world;
  Job first = job_of("do one", a, {add(a)});
  Job second = job_of("do two", c, {add(c), {RemoveDefinition{b}, std::nullopt, 1}});
  const auto results = world.run({{first, second}, Bond::all_or_none});
  CHECK(results[0].outcome == Outcome::undone);
  CHECK_FALSE(results[0].error);
  REQUIRE(results[1].outcome == Outcome::failed);
  const std::string message = results[1].error->what();
  CHECK(message.starts_with("cannot do two: "));
  CHECK(message.ends_with("; all changes were rolled back"));
  CHECK(world.store.load().all.empty());
}

TEST_CASE("a stage starts only after all jobs have finished the previous stage") {
  World world;
  Job first = job_of("do one", a, {add(a), {RemoveDefinition{c}, AddDefinition{c, std::nullopt}, 1}});
  Job second = job_of("do two", c, {add(c)});
  for (int round = 0; round < 20; ++round) {
    const auto results = world.run({{first, second}, Bond::all_or_none});
    CHECK(results[0].outcome == Outcome::done);
    CHECK(results[1].outcome == Outcome::done);
    REQUIRE(world.store.load().all.size() == 1);
    world.store.remove(a);
  }
}

namespace {

// Scripts that record "NAME EVENT STATE LETTER", the last letter of the UUID, and whether the device is
// defined.
struct Scripted : World {
  std::vector<std::string> said;
  Hooks hooks{root, [this](Hooks::Kind, const std::string& text) { said.push_back(text); }};

  explicit Scripted(const std::string& callout_does = {}) {
    std::signal(SIGPIPE, SIG_IGN);
    add("callouts/ask", callout_does);
    add("notifiers/observe", {});
  }

  void add(const std::string& name, const std::string& does) const {
    const std::filesystem::path file = temp.path() / "usr/lib/mdevctl/scripts.d" / name;
    test::write_text(file, "#!/bin/sh\n[ $6 != capabilities ] || exit 0\nis=; [ ! -e " + temp.str() +
                               "/etc/mdevadm/devices/${12}/${10}.toml ] || is=' defined'\n" +
                               "echo \"${0##*/} $4 $8 ${10##*0}$is\" >>" + temp.str() + "/calls\n" + does +
                               "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }

  std::vector<JobResult> run(const Plan& plan) { return carry_out(plan, {host, store, &hooks}, recorder); }

  std::string calls() const {
    const std::filesystem::path file = temp.path() / "calls";
    std::string text = std::filesystem::exists(file) ? test::read_text(file) : std::string{};
    std::filesystem::remove(file);
    return text;
  }
};

Job hooked(Job job, const Definition& about, bool forced = false) {
  job.hooks = {HookAction::define, about, forced};
  return job;
}

const Step failing{RemoveDefinition{definition("z", "00000000-0000-0000-0000-00000000000f")}, std::nullopt};

}  // namespace

TEST_CASE("call-out scripts run before the first step and post and notify scripts after the last") {
  Scripted world;
  const auto results = world.run({{hooked(job_of("do it", a, {add(a), add(b)}), a)}});
  CHECK(results[0].outcome == Outcome::done);
  CHECK(world.calls() == "ask pre none a\nask post success a defined\nobserve notify success a defined\n");
}

TEST_CASE("scripts do not run for a job without steps or without hooks") {
  Scripted world;
  world.run({{hooked(job_of("do nothing", a, {}), a), job_of("do it", b, {add(b)})}});
  CHECK(world.calls().empty());
}

TEST_CASE("a failing call-out script prevents the job and notifiers run with state none") {
  Scripted world("exit 3");
  const auto results = world.run({{hooked(job_of("do it", a, {add(a)}), a), job_of("two", b, {add(b)})}});
  REQUIRE(results[0].outcome == Outcome::failed);
  const std::string why =
      "Script '\"" + world.temp.str() + "/usr/lib/mdevctl/scripts.d/callouts/ask\"' failed with status '3'";
  CHECK(results[0].error->what() == "cannot do it: " + why);
  CHECK(results[0].cause->what() == why);
  CHECK(results[1].outcome == Outcome::done);
  CHECK(world.store.load().all == std::vector{b});
  CHECK(world.calls() == "ask pre none a\nobserve notify none a\n");
}

TEST_CASE("a forced job ignores a failing call-out script and the scripts still get the result") {
  Scripted world("[ $4 != pre ]");
  const auto results = world.run({{hooked(job_of("do it", a, {add(a)}), a, true)}});
  CHECK(results[0].outcome == Outcome::done);
  CHECK(world.calls() == "ask pre none a\nask post success a defined\nobserve notify success a defined\n");
  REQUIRE(world.said.size() == 1);
  CHECK(world.said[0].starts_with("Forcing operation 'define' despite callout failure. Error was: Script"));
}

TEST_CASE("scripts get the failure of a job after its rollback") {
  Scripted world;
  world.run({{hooked(job_of("do it", a, {add(a), failing}), a)}});
  CHECK(world.calls() == "ask pre none a\nask post failure a\nobserve notify failure a\n");
}

TEST_CASE("in a plan with stages a job that no other job waits for runs completely between its scripts") {
  Scripted world;
  Step late = add(b);
  late.stage = 1;
  Step later = add(c);
  later.stage = 3;
  const auto results =
      world.run({{hooked(job_of("one", a, {add(a), late}), a), hooked(job_of("two", a, {later}), c)},
                 Bond::all_or_none});
  CHECK(results[0].outcome == Outcome::done);
  CHECK(results[1].outcome == Outcome::done);
  CHECK(world.calls() ==
        "ask pre none a\nask post success a defined\nobserve notify success a defined\n"
        "ask pre none c\nask post success c defined\nobserve notify success c defined\n");
}

TEST_CASE("scripts have ended before a device is attached to a virtual machine") {
  struct Qemu final : Machine {
    explicit Qemu(const Scripted& scripted) : world(scripted) {}
    std::vector<AttachedDevice> devices() override { return {}; }
    void attach(const Attachment&) override { calls += world.calls() + "attach\n"; }
    void detach(const Attachment&, std::chrono::milliseconds) override {}
    const Scripted& world;
    std::string calls;
  };
  Scripted world;
  Qemu qemu(world);
  Effects effects{world.host, world.store, &world.hooks};
  effects.machine = &qemu;
  const Step attach{AttachDevice{{{.uuid = a.uuid, .parent = a.parent}, "one"}}, std::nullopt, 10};
  carry_out({{hooked(job_of("one", a, {add(a), attach}), a), hooked(job_of("two", b, {add(b), attach}), b)},
             Bond::all_or_none},
            effects, world.recorder);
  // A lock that a script holds between its two calls is free for the scripts of the next device.
  CHECK(qemu.calls ==
        "ask pre none a\nask post success a defined\nobserve notify success a defined\n"
        "ask pre none b\nask post success b defined\nobserve notify success b defined\nattach\nattach\n");
}

TEST_CASE("in a plan with stages a rolled back job that had completed does not run its scripts again") {
  Scripted world;
  const Device device{.uuid = a.uuid, .parent = a.parent, .type = a.type, .path = "sys/devices/p/d"};
  const Step online{SetOnline{device, true}, std::nullopt, 2};  // fails: the device does not exist
  Job second = hooked(job_of("two", b, {add(b)}), b);
  const auto results =
      world.run({{hooked(job_of("one", a, {add(a), online}), a), second}, Bond::all_or_none});
  REQUIRE(results[0].outcome == Outcome::failed);
  CHECK(results[1].outcome == Outcome::undone);
  // The second job had completed: it is rolled back without notifying scripts.
  CHECK(world.calls() ==
        "ask pre none a\n"
        "ask pre none b\nask post success b defined\nobserve notify success b defined\n"
        "ask post failure a\nobserve notify failure a\n");
  CHECK(world.store.load().all.empty());
}

TEST_CASE("in an all-or-none plan a failing call-out script rolls back all jobs") {
  Scripted world("[ ${10##*0} != c ]");
  const auto results = world.run(
      {{hooked(job_of("one", a, {add(a)}), a), hooked(job_of("two", a, {add(c)}), c)}, Bond::all_or_none});
  CHECK(results[0].outcome == Outcome::undone);
  REQUIRE(results[1].outcome == Outcome::failed);
  CHECK(world.store.load().all.empty());
  CHECK(world.calls() ==
        "ask pre none a\nask post success a defined\nobserve notify success a defined\n"
        "ask pre none c\nobserve notify none c\n");
}

TEST_CASE(
    "jobs of different lanes are not executed at the same time if a script holds a lock between its calls") {
  Scripted world;
  const std::string lock = world.temp.str() + "/lock";
  world.add("callouts/ask", "case $4 in pre) until mkdir " + lock +
                                " 2>/dev/null; do sleep 0.01; done ;; post) rmdir " + lock + " ;; esac");
  Hooks hooks{world.root, [](Hooks::Kind, const std::string&) {}, {.part = std::chrono::seconds(5)}};
  for (const Bond bond : {Bond::none, Bond::all_or_none}) {
    const auto results =
        carry_out({{hooked(job_of("one", a, {add(a)}), a), hooked(job_of("two", c, {add(c)}), c)}, bond},
                  {world.host, world.store, &hooks}, world.recorder);
    CHECK(results[0].outcome == Outcome::done);
    CHECK(results[1].outcome == Outcome::done);
    CHECK_FALSE(std::filesystem::exists(lock));
    world.store.remove(a);
    world.store.remove(c);
  }
}

TEST_CASE("a plan that is rolled back notifies its scripts before those of another plan are called") {
  Scripted world;
  const std::string lock = world.temp.str() + "/lock";
  world.add("callouts/ask", "case $4 in pre) until mkdir " + lock +
                                " 2>/dev/null; do sleep 0.01; done ;; post) rmdir " + lock + " ;; esac");
  Hooks hooks{world.root, [](Hooks::Kind, const std::string&) {}, {.part = std::chrono::seconds(5)}};
  const Effects effects{world.host, world.store, &hooks};
  Recorder recorder;
  std::vector<JobResult> other;
  std::jthread second([&] {
    other = carry_out({{hooked(job_of("two", c, {add(c)}), c)}, Bond::all_or_none}, effects, recorder);
  });
  const auto results = carry_out({{hooked(job_of("one", a, {add(a), failing}), a)}, Bond::all_or_none},
                                 effects, world.recorder);
  second.join();
  CHECK(results[0].outcome == Outcome::failed);
  CHECK(other[0].outcome == Outcome::done);
  CHECK_FALSE(std::filesystem::exists(lock));
}

TEST_CASE(
    "a job that waits for one of another lane, and the later jobs of its own lane, are executed in order") {
  World world;
  const Step keep{KeepRecord{{a.uuid, a.parent, a.type}}, std::nullopt};
  const std::vector<Step> many(30, keep);
  Job second = job_of("two", c, many);
  second.after = 0;
  world.run({{job_of("one", a, many), second, job_of("three", c, many)}});
  std::vector<std::string> goals;
  for (const std::string& line : world.recorder.lines) {
    const std::string goal = line.substr(0, line.find(':'));
    if (goals.empty() || goals.back() != goal) {
      goals.push_back(goal);
    }
  }
  CHECK(goals == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE("the record that ends a start has the duration of the job") {
  World world;
  const Record record{.uuid = a.uuid, .parent = a.parent, .type = a.type, .finished = true};
  const auto results =
      world.run({{job_of("start it", a, {{KeepRecord{record, true}, std::nullopt}}),
                  job_of("stop it", b, {{KeepRecord{{b.uuid, b.parent, b.type}}, std::nullopt}})}});
  REQUIRE(results.size() == 2);
  const Records known = world.store.load_records();
  REQUIRE(known.find(a.uuid) != nullptr);
  REQUIRE(known.find(b.uuid) != nullptr);
  const auto took = known.find(a.uuid)->took;
  REQUIRE(took);
  CHECK(*took >= std::chrono::milliseconds{0});
  CHECK(*took < std::chrono::minutes{1});
  CHECK_FALSE(known.find(b.uuid)->took);
}
