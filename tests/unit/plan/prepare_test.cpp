#include <mdevadm/plan/prepare.hpp>

#include <fmt/format.h>

#include "catch.hpp"

using namespace mdevadm;
using std::chrono::milliseconds;

namespace {

const ParentName gpu = *ParentName::parse("0000:41:00.0");

// A GPU with `count` of four virtual functions.
ParentState state_with(std::uint64_t count, const char* driver = "nvidia") {
  ParentState state{.name = gpu, .present = true, .vendor = "10de", .total = 4, .enabled = count};
  state.self = {.address = gpu.str(), .driver = driver};
  for (std::uint64_t i = 0; i < 4; ++i) {
    const std::string address = fmt::format("0000:41:00.{}", i + 4);
    state.addresses.push_back(address);
    if (i < count) {
      state.functions.push_back({.address = address, .driver = driver, .offers_types = true});
    }
  }
  return state;
}

ParentSettings all_functions() {
  ParentSettings settings{gpu};
  settings.functions = FunctionGoal{};
  return settings;
}

const ParentCommand list{{"nvidia-smi", "-L"}, {}, {}};
const ParentCommand mixed{{"nvidia-smi", "vgpu", "-shm", "1"}, {"check"}, {}};

std::vector<std::string> kinds(const Job& job) {
  std::vector<std::string> result;
  for (const Step& step : job.steps) {
    const auto* change = std::get_if<ChangeFunctions>(&step.action);
    const auto* kept = std::get_if<KeepPreparation>(&step.action);
    result.push_back(change != nullptr ? fmt::format("functions {}", change->number)
                     : kept != nullptr ? fmt::format("keep {}", kept->done.commands.size())
                                       : kind_of(step.action));
  }
  return result;
}

using Texts = std::vector<std::string>;

Texts plan(const ParentSettings& settings, const ParentState& state, const Preparation& done = {gpu},
           std::vector<bool> checked = {}) {
  return kinds(plan_prepare({settings, state, done, std::move(checked)}, "", milliseconds{0}));
}

ExitCode refused(const ParentSettings& settings, const ParentState& state, const std::string& words = {}) {
  try {
    plan(settings, state);
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(std::string(error.what()).find(words) != std::string::npos);
    return error.code();
  }
  return ExitCode::done;
}

}  // namespace

TEST_CASE("a parent that is as its settings demand is not changed") {
  const Preparation done{gpu};
  const ParentState state = state_with(4);
  const Job job = plan_prepare({all_functions(), state, done, {}}, "41:00.0", milliseconds{0});
  CHECK(job.steps.empty());
  CHECK(job.notes == Texts{"'41:00.0' is already prepared"});
  CHECK(!why_not_prepared({all_functions(), state, done, {}}));
}

TEST_CASE("the last step of a preparation with commands requires the virtual functions") {
  ParentSettings settings = all_functions();
  settings.commands = {list, mixed};
  for (const std::uint64_t enabled : {0U, 4U}) {
    const ParentState state = state_with(enabled);
    const Preparation done{gpu};
    const Job job = plan_prepare({settings, state, done, {}}, "", milliseconds{0});
    std::vector<bool> required;
    for (const Step& step : job.steps) {
      if (const auto* kept = std::get_if<KeepPreparation>(&step.action)) {
        required.push_back(kept->required.has_value());
      }
    }
    REQUIRE(required.size() >= 2);
    CHECK(required.back());
    CHECK(std::count(required.begin(), required.end(), true) == 1);
  }
  CHECK(why_not_as_wanted(settings, state_with(0)) == "0 of 4 virtual functions are enabled");
}

TEST_CASE("a command whose check succeeds is recorded as done") {
  ParentSettings settings = all_functions();
  settings.commands = {{.command = {"one"}, .check = {"is-one"}}, {.command = {"two"}, .check = {"is-two"}}};
  CHECK(plan(settings, state_with(4), {gpu}, {true, true}) == Texts{"keep 2"});
  CHECK(plan(settings, state_with(4), {gpu, {{"one"}, {"two"}}}, {true, true}).empty());
  const Texts one = plan(settings, state_with(4), {gpu}, {true, false});
  REQUIRE(one.size() == 2);
  CHECK(one.back() == "keep 2");
}

TEST_CASE("commands are repeated when the driver was bound, or virtual functions were created, since") {
  ParentSettings settings = all_functions();
  settings.commands = {{.command = {"nvidia-smi", "-L"}}};
  ParentState state = state_with(4);
  state.setup = "7-9";
  Preparation done{gpu, {{"nvidia-smi", "-L"}}, "7-9"};
  CHECK_FALSE(why_not_prepared({settings, state, done, {}}));
  CHECK(plan_prepare({settings, state, done, {}}, "", milliseconds{0}).steps.empty());
  done.setup = "7-8";
  CHECK(why_not_prepared({settings, state, done, {}}) ==
        "not run since the driver was bound or the virtual functions were created: nvidia-smi -L");
  CHECK(plan_prepare({settings, state, done, {}}, "", milliseconds{0}).steps.size() == 2);
  done.setup.clear();
  CHECK_FALSE(why_not_prepared({settings, state, done, {}}));
}

TEST_CASE("a check decides whether its command is run, whatever the record says") {
  ParentSettings settings = all_functions();
  settings.commands = {{.command = {"nvidia-smi", "-L"}, .check = {"true"}}};
  const ParentState state = state_with(4);
  const Preparation never{gpu};
  const Preparation before{gpu, {{"nvidia-smi", "-L"}}};
  CHECK(pending_commands({settings, state, never, {true}}).empty());
  CHECK(pending_commands({settings, state, before, {true}}).empty());
  CHECK(pending_commands({settings, state, never, {false}}).size() == 1);
  CHECK(pending_commands({settings, state, before, {false}}).size() == 1);
  // Without the result of the check, the record counts.
  CHECK(pending_commands({settings, state, before, {}}).empty());
}

TEST_CASE("virtual functions are enabled, and another number is disabled first") {
  CHECK(plan(all_functions(), state_with(0)) == Texts{"keep 0", "functions 4"});
  CHECK(plan(all_functions(), state_with(2)) == Texts{"keep 0", "functions 0", "functions 4"});
}

TEST_CASE("virtual functions without NVIDIA's driver are disabled and enabled") {
  ParentState state = state_with(4);
  state.functions[2].driver.reset();
  CHECK(is_settling(state));
  CHECK(plan(all_functions(), state) == Texts{"keep 0", "functions 0", "functions 4"});
  state.functions[2].driver = "vfio-pci";
  CHECK(!is_settling(state));
  CHECK(plan(all_functions(), state) == Texts{"keep 0", "functions 0", "functions 4"});
}

TEST_CASE("a GPU that an interrupted program left without its driver is bound first") {
  ParentState state = state_with(0, "pci-pf-stub");
  CHECK(is_settling(state));
  CHECK(plan(all_functions(), state) == Texts{"bind", "keep 0", "functions 4"});
  state.self.driver.reset();
  CHECK(plan(all_functions(), state) == Texts{"bind", "keep 0", "functions 4"});
}

TEST_CASE("a GPU that is bound to another driver is not changed") {
  CHECK(refused(all_functions(), state_with(0, "vfio-pci"), "bound to vfio-pci") == ExitCode::conflict);
}

TEST_CASE("other drivers use sriov_numvfs, and may leave virtual functions unbound") {
  ParentState state = state_with(4, "i915");
  state.vendor = "8086";
  CHECK(method_for(all_functions(), state) == FunctionMethod::sysfs);
  state.functions[0].driver.reset();
  CHECK(plan(all_functions(), state).empty());
  ParentSettings two = all_functions();
  two.functions = FunctionGoal{2};
  CHECK(plan(two, state) == Texts{"keep 0", "functions 0", "functions 2"});
}

TEST_CASE("settings that the device cannot have are refused") {
  ParentSettings settings = all_functions();
  settings.functions = FunctionGoal{5};
  CHECK(refused(settings, state_with(0), "more than the device supports (4)") == ExitCode::conflict);
  settings.functions = FunctionGoal{2};
  CHECK(refused(settings, state_with(0), "sriov-manage always enables all 4") == ExitCode::conflict);
  settings = all_functions();
  settings.reserved = {*FunctionName::parse("0000:42:00.4")};
  CHECK(refused(settings, state_with(4), "0000:42:00.4 is not a virtual function of it") ==
        ExitCode::conflict);
  ParentState state = state_with(0);
  state.total.reset();
  CHECK(refused(all_functions(), state, "no virtual functions") == ExitCode::conflict);
  state = state_with(0, "i915");
  state.vendor = "8086";
  settings = all_functions();
  settings.method = FunctionMethod::sriov_manage;
  CHECK(refused(settings, state, "sriov-manage is for NVIDIA's GPUs only") == ExitCode::conflict);
  state = state_with(0);
  state.physical = "0000:40:00.0";
  CHECK(refused(all_functions(), state, "virtual function of 0000:40:00.0") == ExitCode::conflict);
}

TEST_CASE("a missing parent is worth waiting for") {
  ParentState state{.name = gpu};
  try {
    plan(all_functions(), state);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::not_found);
    CHECK(error.retry() == Retry::later);
  }
}

TEST_CASE("a GPU that is in use is not changed") {
  ParentState state = state_with(2);
  state.functions[1].type = "1155";
  CHECK(refused(all_functions(), state, "0000:41:00.5 has a vGPU (type 1155)") == ExitCode::in_use);
  state.functions[0].busy = true;
  state.functions[0].holders = {{7, "qemu"}};
  CHECK(
      refused(all_functions(), state,
              "0000:41:00.4 is in use by qemu (pid 7), and 1 more virtual function has a vGPU or is open") ==
      ExitCode::in_use);
  state = state_with(2);
  state.functions[0].devices = {"aaaaaaaa-0000-4000-8000-000000000001"};
  CHECK(refused(all_functions(), state, "has mediated device aaaaaaaa") == ExitCode::in_use);
  state = state_with(0);
  state.self.busy = true;
  CHECK(refused(all_functions(), state, "the physical function 0000:41:00.0 is in use by an unknown") ==
        ExitCode::in_use);
  state = state_with(4);
  state.functions[0].type = "1155";
  CHECK(plan(all_functions(), state).empty());
}

TEST_CASE("commands run after the virtual functions were enabled, and once otherwise") {
  ParentSettings settings = all_functions();
  settings.commands = {list, mixed};
  CHECK(plan(settings, state_with(0)) == Texts{"keep 0", "functions 4", "run", "keep 1", "run", "keep 2"});
  CHECK(plan(settings, state_with(0), {gpu, {list.command, mixed.command}}).size() == 6);
  CHECK(plan(settings, state_with(4)) == Texts{"run", "keep 1", "run", "keep 2"});
  CHECK(plan(settings, state_with(4), {gpu, {list.command}}) == Texts{"run", "keep 2"});
  CHECK(plan(settings, state_with(4), {gpu, {list.command, mixed.command}}).empty());
  // The second has a check that succeeds: it is not run, but recorded.
  CHECK(plan(settings, state_with(4), {gpu}, {false, true}) == Texts{"run", "keep 2"});
  CHECK(plan(settings, state_with(4), {gpu, {list.command}}, {false, true}) == Texts{"keep 2"});
}

TEST_CASE("commands do not run on a GPU that is in use") {
  ParentSettings settings = all_functions();
  settings.commands = {list};
  ParentState state = state_with(4);
  state.functions[0].type = "1155";
  CHECK(refused(settings, state, "has a vGPU") == ExitCode::in_use);
  CHECK(why_not_prepared({settings, state, {gpu}, {}}) == "not run since boot: nvidia-smi -L");
}

TEST_CASE("equal settings are not written") {
  CHECK(plan_parent_set(all_functions(), all_functions(), {}, "").steps.empty());
  CHECK(plan_parent_set(std::nullopt, all_functions(), {}, "").steps.size() == 1);
  CHECK(plan_parent_set(ParentSettings{gpu}, all_functions(), {}, "").steps.size() == 1);
}

TEST_CASE("virtual functions that were bound before the types were known are enabled again") {
  ParentState state = state_with(4);
  for (FunctionState& function : state.functions) {
    function.offers_types = false;
  }
  // Without mdev the types appear when nvidia-vgpud has run.
  CHECK_FALSE(lacks_types(state));
  CHECK(plan(all_functions(), state).empty());
  state.has_mdev_core = true;
  CHECK(lacks_types(state));
  CHECK(plan(all_functions(), state) == Texts{"keep 0", "functions 0", "functions 4"});
  CHECK(why_not_prepared({all_functions(), state, {gpu}, {}})->find("nvidia-vgpud") != std::string::npos);
  state.functions.front().offers_types = true;
  CHECK(lacks_types(state));
  state.functions.front().devices = {"a"};
  CHECK_FALSE(lacks_types(state));
}
