// place_all() against brute force on small hosts.
#include <mdevadm/plan/apply.hpp>
#include <mdevadm/plan/choose.hpp>

#include <algorithm>
#include <map>
#include <random>

#include "catch.hpp"

using namespace mdevadm;

namespace {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

// A type of the random GPUs, all of which offer all types.
struct SmallType {
  std::string id;
  std::uint64_t size;  // GiB of framebuffer
};

const std::vector<SmallType> small_types{{"nvidia-1", 1}, {"nvidia-2", 1}, {"nvidia-3", 2}, {"nvidia-4", 4}};

// A GPU, and what is placed on it.
struct SmallGpu {
  std::map<std::string, std::uint64_t> most{};  // by type
  std::optional<std::uint64_t> functions{};     // absent: it has no virtual functions
  bool mixes = false;                           // framebuffer sizes
  std::map<std::string, std::uint64_t> placed{};

  std::uint64_t framebuffer() const {
    std::uint64_t most_used = 0;
    for (const SmallType& type : small_types) {
      most_used = std::max(most_used, most.at(type.id) * type.size);
    }
    return most_used;
  }

  // Returns whether what is placed is possible.
  bool is_possible() const {
    std::uint64_t used = 0;
    std::uint64_t devices = 0;
    std::optional<std::uint64_t> size;
    bool same_size = true;
    for (const SmallType& type : small_types) {
      const auto found = placed.find(type.id);
      const std::uint64_t count = found != placed.end() ? found->second : 0;
      if (count > most.at(type.id)) {
        return false;
      }
      if (count > 0) {
        same_size &= size.value_or(type.size) == type.size;
        size = type.size;
      }
      used += count * type.size;
      devices += count;
    }
    return used <= framebuffer() && devices <= functions.value_or(devices) && (same_size || mixes);
  }
};

Parent parent_of(const SmallGpu& gpu, const std::string& name) {
  Parent parent{.name = *ParentName::parse(name), .path = "sys/" + name, .home = "sys/" + name};
  parent.capabilities.functions = gpu.functions.has_value();
  for (const SmallType& type : small_types) {
    parent.types.push_back({.id = *TypeName::parse(type.id),
                            .name = "GRID " + type.id,
                            .device_api = "vfio-pci",
                            .available = gpu.most.at(type.id),
                            .properties = {{"framebuffer", Bytes{type.size * gibibyte}, ""}},
                            .maximum = gpu.most.at(type.id)});
  }
  for (std::uint64_t i = 0; i < gpu.functions.value_or(0); ++i) {
    Function function{.address = name + "." + std::to_string(i), .path = parent.path};
    for (const Type& type : parent.types) {
      function.creatable.push_back({type.id, *type.name});
    }
    parent.functions.push_back(function);
  }
  return parent;
}

// A request, and the types that it means.
struct SmallRequest {
  ChoiceRequest request;
  std::vector<std::string> types;
};

// Returns whether the requests from one on find places, all devices of each with one type: tries everything.
bool all_fit(std::vector<SmallGpu>& gpus, const std::vector<SmallRequest>& requests, std::size_t number,
             const std::string& type, std::uint64_t left) {
  if (left > 0) {
    return std::any_of(gpus.begin(), gpus.end(), [&](SmallGpu& gpu) {
      ++gpu.placed[type];
      const bool fits = gpu.is_possible() && all_fit(gpus, requests, number, type, left - 1);
      --gpu.placed[type];
      return fits;
    });
  }
  if (number == requests.size()) {
    return true;
  }
  const SmallRequest& next = requests[number];
  return std::any_of(next.types.begin(), next.types.end(), [&](const std::string& one) {
    return all_fit(gpus, requests, number + 1, one, next.request.count);
  });
}

SmallRequest random_request(std::mt19937& random) {
  SmallRequest one;
  one.request.count = 1 + random() % 3;
  one.request.placement = random() % 2 == 0 ? Placement::spread : Placement::pack;
  if (random() % 3 == 0) {
    const std::uint64_t size = std::uint64_t{1} << (random() % 3);
    one.request.needs = {*parse_requirement("framebuffer>=" + std::to_string(size) + "G")};
    for (const SmallType& type : small_types) {
      if (type.size >= size) {
        one.types.push_back(type.id);
      }
    }
  } else {
    one.request.type = small_types[random() % small_types.size()].id;
    one.types = {one.request.type};
  }
  return one;
}

SmallGpu random_gpu(std::mt19937& random) {
  SmallGpu gpu;
  const std::uint64_t memory = 1 + random() % 5;
  for (const SmallType& type : small_types) {
    // A type can have a lower maximum than its framebuffer allows.
    gpu.most[type.id] = std::min<std::uint64_t>(memory / type.size, 1 + random() % 5);
  }
  if (random() % 2 == 0) {
    gpu.functions = 1 + random() % 4;
    gpu.mixes = random() % 2 == 0;
  }
  return gpu;
}

DeviceEntry random_entry(std::mt19937& random, const std::string& name) {
  DeviceEntry entry{.where = {},
                    .name = name + "-{}",
                    .count = 1 + random() % 3,
                    .settings = {Uuid{}, *ParentName::parse("any"), *TypeName::parse("any")}};
  const SmallRequest request = random_request(random);
  entry.type = request.request.type;
  entry.placement = request.request.placement;
  if (entry.type.empty()) {
    entry.needs = {request.request.needs.front().text};
  }
  entry.active = random() % 2 == 0;
  return entry;
}

ApplyPlan plan_of(const HostFile& file, const Snapshot& seen, const Definitions& defined) {
  const Groups groups;
  const AllParentSettings settings;
  return plan_apply({file, seen, defined, groups, settings}, {});
}

// Adds the definitions of a plan. Returns whether the plan changes nothing but that.
bool add_definitions(const ApplyPlan& plan, Definitions& defined) {
  bool only = true;
  for (const std::vector<Job>& chain : plan.chains) {
    for (const Job& job : chain) {
      for (const Step& step : job.steps) {
        if (const auto* add = std::get_if<AddDefinition>(&step.action)) {
          defined.all.push_back(add->definition);
        }
        only &= !std::holds_alternative<ReplaceDefinition>(step.action) &&
                !std::holds_alternative<RemoveDefinition>(step.action) &&
                !std::holds_alternative<RemoveDevice>(step.action);
      }
    }
  }
  return only;
}

}  // namespace

TEST_CASE("devices are placed whenever that is possible with maxima, virtual functions and needs") {
  std::mt19937 random(18);
  std::size_t fitting = 0;
  for (int round = 0; round < 400; ++round) {
    Snapshot seen;
    std::vector<SmallGpu> gpus;
    std::vector<ParentName> mixed;
    for (std::size_t i = 0; i < 1 + random() % 2; ++i) {
      gpus.push_back(random_gpu(random));
      seen.parents.push_back(parent_of(gpus.back(), "p" + std::to_string(i)));
      if (gpus.back().mixes) {
        mixed.push_back(seen.parents.back().name);
      }
    }
    std::vector<SmallRequest> requests;
    std::vector<ChoiceRequest> all;
    for (std::size_t i = 0; i < 1 + random() % 3; ++i) {
      requests.push_back(random_request(random));
      all.push_back(requests.back().request);
    }
    const Definitions none;
    Rooms rooms(seen, none, Counting::defined, mixed);
    PlacingEffort effort;
    const Placing placing = place_all(seen, rooms, all, {}, effort);
    INFO("round " << round);
    REQUIRE(placing.failed.empty() == all_fit(gpus, requests, 0, "", 0));
    fitting += placing.failed.empty() ? std::size_t{1} : 0;
    // What is placed is possible, also if not all is.
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool has_failed = std::any_of(placing.failed.begin(), placing.failed.end(),
                                          [&](const Placing::Failure& one) { return one.request == i; });
      REQUIRE(placing.places[i].size() == (has_failed ? 0 : all[i].count));
      for (const ChosenPlace& place : placing.places[i]) {
        const auto gpu = static_cast<std::size_t>(place.parent - seen.parents.data());
        const std::string& type = place.type->id.str();
        REQUIRE(place.type->id == placing.places[i].front().type->id);
        REQUIRE(std::count(requests[i].types.begin(), requests[i].types.end(), type) == 1);
        ++gpus[gpu].placed[type];
        REQUIRE(gpus[gpu].is_possible());
      }
    }
  }
  CHECK(fitting > 50);
  CHECK(fitting < 350);
}

TEST_CASE("adding a table or a device moves no other device of a random description") {
  std::mt19937 random(19);
  std::size_t added = 0;
  for (int round = 0; round < 300; ++round) {
    Snapshot seen;
    for (std::size_t i = 0; i < 1 + random() % 3; ++i) {
      seen.parents.push_back(parent_of(random_gpu(random), "p" + std::to_string(i)));
    }
    HostFile file;
    for (std::size_t i = 0; i < 1 + random() % 3; ++i) {
      file.devices.push_back(random_entry(random, "d" + std::to_string(i)));
    }
    Definitions defined;
    const ApplyPlan first = plan_of(file, seen, defined);
    INFO("round " << round);
    if (!first.problems.empty()) {
      REQUIRE(first.chains.empty());
      continue;
    }
    REQUIRE(add_definitions(first, defined));
    if (random() % 2 == 0) {
      DeviceEntry& entry = file.devices[random() % file.devices.size()];
      entry.count = *entry.count + 1;
    } else {
      file.devices.insert(file.devices.begin(), random_entry(random, "new"));
    }
    const std::size_t before = defined.all.size();
    const ApplyPlan second = plan_of(file, seen, defined);
    if (second.problems.empty()) {
      REQUIRE(add_definitions(second, defined));
      REQUIRE(defined.all.size() > before);
      ++added;
    }
  }
  CHECK(added > 50);
}

TEST_CASE("a large description that does not fit is refused with bounded effort") {
  Snapshot seen;
  SmallGpu gpu;
  for (const SmallType& type : small_types) {
    gpu.most[type.id] = 8 / type.size;
  }
  for (std::size_t i = 0; i < 64; ++i) {
    seen.parents.push_back(parent_of(gpu, "p" + std::to_string(i)));
  }
  HostFile file;
  // Both sizes cannot be on one GPU: of each table with the large one, none fits beside the others.
  for (std::size_t i = 0; i < 700; ++i) {
    DeviceEntry entry{.where = {},
                      .name = "d" + std::to_string(i),
                      .count = 1,
                      .type = i % 2 == 0 ? "nvidia-1" : "nvidia-4",
                      .settings = {Uuid{}, *ParentName::parse("any"), *TypeName::parse("any")}};
    entry.active = false;
    file.devices.push_back(entry);
  }
  const ApplyPlan plan = plan_of(file, seen, {});
  CHECK(plan.problems.size() > 200);
  CHECK(plan.effort < 3 * PlacingEffort::most);
}
