// The arithmetic of NVIDIA's host driver, compared with the maxima that NVIDIA publishes (AI Enterprise user
// guides, releases 5 and 7) and with placements that were worked out by hand.
#include <algorithm>
#include <cerrno>
#include <mdevadm/sim/vgpu.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "simulated.hpp"

namespace {

using namespace mdevadm;
using sim::Generation;
using sim::VgpuStatus;

struct Published {
  unsigned size;   // in the name of the type
  unsigned equal;  // vGPUs on a GPU of equal sizes
  unsigned mixed;  // with mixed sizes; 0: not published
};

struct Card {
  const char* name;
  Generation generation;
  unsigned memory;
  std::vector<Published> rows;
};

const std::vector<Published> rows_of_48{{48, 1, 1}, {24, 2, 2}, {16, 3, 2},  {12, 4, 4}, {8, 6, 4},
                                        {6, 8, 8},  {4, 12, 8}, {3, 16, 16}, {2, 24, 16}};
const std::vector<Published> rows_of_24{{24, 1, 1}, {12, 2, 2}, {8, 3, 2},  {6, 4, 4},
                                        {4, 6, 4},  {3, 8, 8},  {2, 12, 8}, {1, 24, 16}};
const std::vector<Published> rows_of_16{{16, 1, 1}, {8, 2, 2}, {4, 4, 4}, {2, 8, 8}, {1, 16, 16}};
const std::vector<Published> rows_of_80{{80, 1, 1}, {40, 2, 2}, {20, 4, 4}, {16, 5, 4},
                                        {10, 8, 8}, {8, 10, 8}, {4, 20, 16}};

std::vector<Published> with(std::vector<Published> rows, Published more) {
  rows.push_back(more);
  return rows;
}

const std::vector<Card>& cards() {
  static const std::vector<Card> all{
      {"NVIDIA A40", Generation::ampere, 48, with(rows_of_48, {1, 32, 30})},
      {"NVIDIA RTXA6000", Generation::ampere, 48, with(rows_of_48, {1, 32, 30})},
      {"NVIDIA L40S", Generation::ada, 48, with(rows_of_48, {1, 32, 16})},
      {"NVIDIA L40", Generation::ada, 48, with(rows_of_48, {1, 32, 16})},
      {"NVIDIA RTX6000-Ada", Generation::ada, 48, with(rows_of_48, {1, 32, 16})},
      {"NVIDIA A10", Generation::ampere, 24, rows_of_24},
      {"NVIDIA L4", Generation::ada, 24, rows_of_24},
      {"NVIDIA A30", Generation::ampere, 24, {{24, 1, 0}, {12, 2, 0}, {8, 3, 0}, {6, 4, 0}, {4, 6, 0}}},
      {"NVIDIA A16", Generation::ampere, 16, rows_of_16},
      {"NVIDIA A2", Generation::ampere, 16, rows_of_16},
      {"NVIDIA RTX5000-Ada", Generation::ada, 32, {{32, 1, 1}, {16, 2, 2}, {8, 4, 4}, {4, 8, 8}}},
      {"GRID A100",
       Generation::ampere,
       40,
       {{40, 1, 1}, {20, 2, 2}, {10, 4, 4}, {8, 5, 4}, {5, 8, 8}, {4, 10, 8}}},
      {"GRID A100D", Generation::ampere, 80, rows_of_80},
      {"NVIDIA H100", Generation::hopper, 80, with(rows_of_80, {5, 16, 16})},
      {"NVIDIA H100XS", Generation::hopper, 64, {{64, 1, 1}, {32, 2, 2}, {16, 4, 4}, {8, 8, 8}, {4, 16, 16}}},
      {"NVIDIA H100L",
       Generation::hopper,
       94,
       {{94, 1, 1}, {47, 2, 2}, {23, 4, 4}, {15, 6, 4}, {11, 8, 8}, {6, 15, 8}, {4, 23, 16}}},
      // For 28, 14 and 7 GB the guide has mixed maxima that the driver's rule does not give. Of 8 GB it has
      // 16 for both, although 17 of equal size fit: so that row is omitted.
      {"NVIDIA H200X",
       Generation::hopper,
       141,
       {{141, 1, 1}, {70, 2, 2}, {35, 4, 4}, {28, 5, 0}, {17, 8, 8}, {14, 10, 0}, {7, 20, 0}, {4, 32, 32}}},
      {"NVIDIA RTX Pro 6000 Blackwell DC",
       Generation::blackwell,
       96,
       {{96, 1, 1},
        {48, 2, 2},
        {32, 3, 3},
        {24, 4, 4},
        {16, 6, 6},
        {12, 8, 8},
        {8, 12, 12},
        {6, 16, 16},
        {4, 24, 24},
        {3, 32, 32},
        {2, 32, 32}}},
  };
  return all;
}

void add(sim::GpuModel& gpu, std::uint64_t id, const std::string& name) {
  sim::VgpuType type{.id = id, .name = name};
  REQUIRE(sim::complete_type(type, gpu));
  gpu.types.push_back(type);
}

// A GPU with a type of each size; the id is the size.
sim::GpuModel model_of(const Card& card) {
  sim::GpuModel gpu{.generation = card.generation, .memory = card.memory};
  for (const Published& row : card.rows) {
    add(gpu, row.size, std::string(card.name) + "-" + std::to_string(row.size) + "C");
  }
  return gpu;
}

// Creates vGPUs of a type until the driver refuses.
unsigned fill(const sim::GpuModel& gpu, std::uint64_t type, VgpuStatus* refusal = nullptr) {
  sim::VgpuState state(gpu);
  state.set_table(true);
  unsigned count = 0;
  VgpuStatus status = VgpuStatus::ok;
  while ((status = state.create(type, count)) == VgpuStatus::ok) {
    ++count;
  }
  if (refusal != nullptr) {
    *refusal = status;
  }
  return count;
}

sim::GpuModel l40s(bool mixed) {
  sim::GpuModel gpu{.generation = Generation::ada, .memory = 48, .mixed = mixed};
  for (const unsigned size : {1U, 2U, 4U, 8U, 16U, 24U, 48U}) {
    add(gpu, size, "NVIDIA L40S-" + std::to_string(size) + "Q");
  }
  add(gpu, 104, "NVIDIA L40S-4C");
  return gpu;
}

const std::vector<sim::InstanceProfile>& profiles(const std::vector<std::pair<unsigned, const char*>>& given,
                                                  const std::vector<unsigned>& most) {
  static std::vector<sim::InstanceProfile> result;
  result.clear();
  for (std::size_t i = 0; i < given.size(); ++i) {
    sim::InstanceProfile profile{.id = given[i].first, .name = given[i].second, .most = most[i]};
    REQUIRE(sim::read_profile_name(profile));
    result.push_back(profile);
  }
  return result;
}

sim::GpuModel a100d() {
  sim::GpuModel gpu{.generation = Generation::ampere, .memory = 80, .mig = true};
  gpu.profiles = profiles({{19, "1g.10gb"},
                           {20, "1g.10gb+me"},
                           {15, "1g.20gb"},
                           {14, "2g.20gb"},
                           {9, "3g.40gb"},
                           {5, "4g.40gb"},
                           {0, "7g.80gb"}},
                          {7, 1, 4, 3, 2, 1, 1});
  add(gpu, 696, "GRID A100D-20C");
  add(gpu, 699, "GRID A100D-1-10C");
  add(gpu, 700, "GRID A100D-2-20C");
  add(gpu, 701, "GRID A100D-3-40C");
  add(gpu, 702, "GRID A100D-4-40C");
  add(gpu, 703, "GRID A100D-7-80C");
  add(gpu, 707, "GRID A100D-1-10CME");
  add(gpu, 1054, "GRID A100D-1-20C");
  return gpu;
}

sim::GpuModel blackwell(bool mig) {
  sim::GpuModel gpu{.generation = Generation::blackwell, .memory = 96, .mig = mig};
  gpu.profiles = profiles({{47, "1g.24gb+gfx"}, {35, "2g.48gb+gfx"}, {32, "4g.96gb+gfx"}}, {4, 2, 1});
  const std::string card = "NVIDIA RTX Pro 6000 Blackwell DC-";
  for (const unsigned size : {2U, 3U, 4U, 6U, 8U, 12U, 24U}) {
    add(gpu, 100 + size, card + "1-" + std::to_string(size) + "Q");
  }
  for (const unsigned size : {12U, 16U, 24U, 48U}) {
    add(gpu, 200 + size, card + "2-" + std::to_string(size) + "Q");
  }
  for (const unsigned size : {24U, 32U, 48U, 96U}) {
    add(gpu, 400 + size, card + "4-" + std::to_string(size) + "Q");
  }
  add(gpu, 48, card + "48Q");
  return gpu;
}

}  // namespace

TEST_CASE("vGPU: as many vGPUs of one size fit as NVIDIA publishes") {
  for (const Card& card : cards()) {
    const sim::GpuModel gpu = model_of(card);
    for (const Published& row : card.rows) {
      INFO(card.name << " " << row.size << " GB");
      VgpuStatus refusal = VgpuStatus::ok;
      CHECK(fill(gpu, row.size, &refusal) == row.equal);
      CHECK(refusal == VgpuStatus::insufficient_resources);
    }
  }
}

TEST_CASE("vGPU: as many vGPUs of one size fit on a GPU of mixed sizes as NVIDIA publishes") {
  for (const Card& card : cards()) {
    sim::GpuModel gpu = model_of(card);
    gpu.mixed = true;
    for (const Published& row : card.rows) {
      INFO(card.name << " " << row.size << " GB");
      CHECK((row.mixed == 0 || fill(gpu, row.size) == row.mixed));
    }
  }
}

TEST_CASE("vGPU: placements are those of the driver's rule") {
  const auto ids = [](Generation generation, unsigned memory, unsigned size, bool mixed) {
    sim::GpuModel gpu{.generation = generation, .memory = memory};
    add(gpu, size, "NVIDIA L40S-" + std::to_string(size) + "Q");
    return sim::placements(gpu.types.front(), gpu, mixed);
  };
  using Ids = std::vector<unsigned>;
  CHECK(ids(Generation::ada, 48, 16, true) == Ids{0, 32});
  CHECK(ids(Generation::ada, 48, 8, true) == Ids{0, 16, 24, 40});
  CHECK(ids(Generation::ada, 48, 4, true) == Ids{0, 8, 12, 20, 24, 32, 36, 44});
  CHECK(ids(Generation::ada, 48, 2, true) ==
        Ids{0, 4, 6, 10, 12, 16, 18, 22, 24, 28, 30, 34, 36, 40, 42, 46});
  CHECK(ids(Generation::ada, 48, 1, true) ==
        Ids{0, 5, 6, 11, 12, 17, 18, 23, 24, 29, 30, 35, 36, 41, 42, 47});
  CHECK(ids(Generation::ada, 24, 1, true) == Ids{0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23});
  CHECK(ids(Generation::hopper, 80, 16, true) == Ids{0, 24, 40, 64});
  CHECK(ids(Generation::hopper, 80, 4, true) ==
        Ids{0, 6, 10, 16, 20, 26, 30, 36, 40, 46, 50, 56, 60, 66, 70, 76});
  CHECK(ids(Generation::ada, 48, 24, false) == Ids{0, 24});
  CHECK(ids(Generation::ampere, 48, 24, false).empty());
  CHECK(ids(Generation::blackwell, 96, 32, false) == Ids{0, 32, 64});
  CHECK(ids(Generation::blackwell, 96, 32, true) == Ids{0, 32, 64});
}

TEST_CASE("vGPU: on a GPU of mixed sizes the large types must be created first") {
  const sim::GpuModel gpu = l40s(true);
  sim::VgpuState large_first(gpu);
  large_first.set_table(true);
  for (const unsigned size : {24U, 4U, 16U}) {
    CHECK(large_first.create(size, size) == VgpuStatus::ok);
  }
  CHECK(large_first.find(24)->placement == 0U);
  CHECK(large_first.find(4)->placement == 24U);
  CHECK(large_first.find(16)->placement == 32U);
  CHECK(large_first.create(4, 1) == VgpuStatus::not_supported);
  CHECK(large_first.create(2, 1) == VgpuStatus::ok);
  CHECK(large_first.create(2, 2) == VgpuStatus::ok);
  CHECK(large_first.find(1)->placement == 28U);
  CHECK(large_first.find(2)->placement == 30U);

  sim::VgpuState small_first(gpu);
  small_first.set_table(true);
  CHECK(small_first.create(4, 0) == VgpuStatus::ok);
  CHECK(small_first.create(24, 1) == VgpuStatus::ok);
  CHECK(small_first.find(1)->placement == 24U);
  CHECK(small_first.create(24, 2) == VgpuStatus::not_supported);
  small_first.destroy(0);
  CHECK(small_first.create(24, 2) == VgpuStatus::ok);
  CHECK(small_first.find(2)->placement == 0U);
}

TEST_CASE("vGPU: with mixed sizes the list hides what a write is accepted for") {
  const sim::GpuModel gpu = l40s(true);
  sim::VgpuState state(gpu);
  state.set_table(true);
  CHECK(state.create(2, 0) == VgpuStatus::ok);
  CHECK(state.create(2, 1) == VgpuStatus::ok);
  CHECK_FALSE(state.available(*state.find_type(24), 2));
  CHECK(state.create(24, 2) == VgpuStatus::ok);
  CHECK(state.find(2)->placement == 24U);
}

TEST_CASE("vGPU: on a GPU of equal sizes the first vGPU determines the size until the last is gone") {
  const sim::GpuModel gpu = l40s(false);
  sim::VgpuState state(gpu);
  CHECK(state.create(4, 0) == VgpuStatus::object_not_found);
  CHECK_FALSE(state.available(*state.find_type(4), 0));
  state.set_table(true);
  CHECK(state.available(*state.find_type(48), 0));
  CHECK(state.create(4, 0) == VgpuStatus::ok);
  CHECK(state.create(4, 0) == VgpuStatus::invalid_operation);
  CHECK(state.create(8, 1) == VgpuStatus::not_supported);
  CHECK(state.create(104, 1) == VgpuStatus::ok);
  CHECK(state.find(1)->placement == 4U);
  CHECK(state.set_mixed(true) == EBUSY);
  state.destroy(0);
  CHECK(state.create(8, 0) == VgpuStatus::not_supported);
  state.destroy(1);
  CHECK(state.create(8, 0) == VgpuStatus::ok);
  CHECK(state.set_placement(0, 3) == VgpuStatus::invalid_state);
  CHECK(state.set_placement(0, 16) == VgpuStatus::ok);
  CHECK(state.set_placement(0, 16) == VgpuStatus::ok);
  CHECK(state.move_to_instance(0, 1) == VgpuStatus::invalid_operation);
  state.destroy(0);
  CHECK(state.set_mixed(true) == 0);
  state.reset();
  CHECK_FALSE(state.is_mixed());
  CHECK(state.has_table());
}

TEST_CASE("vGPU: GPU instances of the compute GPUs have one vGPU each") {
  const sim::GpuModel gpu = a100d();
  const auto instances_of = [&](unsigned profile) {
    sim::VgpuState state(gpu);
    unsigned count = 0;
    while (state.create_instance(profile) == 0) {
      ++count;
    }
    return count;
  };
  CHECK(instances_of(0) == 1);
  CHECK(instances_of(5) == 1);
  CHECK(instances_of(9) == 2);
  CHECK(instances_of(14) == 3);
  CHECK(instances_of(15) == 4);
  CHECK(instances_of(19) == 7);
  CHECK(instances_of(20) == 1);

  sim::VgpuState state(gpu);
  state.set_table(true);
  CHECK(state.create(699, 0) == VgpuStatus::invalid_operation);  // no GPU instance
  CHECK(state.create_instance(9) == 0);
  CHECK(state.create_instance(9) == 0);
  CHECK(state.create_instance(19) == ENOSPC);
  CHECK(state.create_instance(77) == EINVAL);
  CHECK(state.create(696, 0) == VgpuStatus::invalid_argument);  // time-sliced
  CHECK(state.create(699, 0) == VgpuStatus::invalid_state);     // another shape
  CHECK(state.create(701, 0) == VgpuStatus::ok);
  CHECK(state.find(0)->instance == 1U);
  CHECK_FALSE(state.find(0)->placement);
  CHECK(state.available(*state.find_type(701), 1));
  CHECK(state.move_to_instance(0, 2) == VgpuStatus::ok);
  CHECK(state.move_to_instance(0, 3) == VgpuStatus::invalid_state);
  CHECK(state.create(701, 1) == VgpuStatus::ok);
  CHECK(state.find(1)->instance == 1U);
  CHECK(state.create(701, 2) == VgpuStatus::insufficient_resources);
  CHECK(state.destroy_instance(2) == EBUSY);
  CHECK(state.destroy_instance(5) == ENODEV);
  CHECK(state.set_compute(5, true) == ENODEV);
  state.destroy(0);
  state.destroy(1);
  CHECK(state.set_compute(1, true) == 0);
  CHECK(state.set_compute(1, true) == ENOSPC);
  CHECK(state.destroy_instance(1) == EBUSY);
  CHECK(state.set_compute(1, false) == 0);
  CHECK(state.set_compute(1, false) == ENODEV);
  CHECK(state.set_mixed(true, 1) == EOPNOTSUPP);
  CHECK(state.set_mig(false, true) == EBUSY);
  state.reset();
  CHECK(state.instances().empty());
  CHECK(state.is_mig());
  CHECK(state.set_mig(false, false) == 0);
  CHECK(state.create(699, 0) == VgpuStatus::invalid_operation);
  CHECK(state.create_instance(19) == EOPNOTSUPP);
  CHECK(state.create(696, 0) == VgpuStatus::ok);
  CHECK(state.set_mig(true, true) == 0);
  CHECK_FALSE(state.is_mig());
  CHECK(state.is_mig_wanted());
  state.reset();
  CHECK(state.is_mig());
  state.reboot();
  CHECK(state.is_mig());  // survives on Ampere
}

TEST_CASE("vGPU: GPU instances of RTX PRO 6000 carry as many vGPUs as NVIDIA publishes") {
  const auto most = [](unsigned profile, std::uint64_t type) {
    sim::GpuModel gpu = blackwell(true);
    gpu.instances = {profile};
    return fill(gpu, type);
  };
  const std::vector<std::pair<unsigned, unsigned>> one_slice{{24, 1}, {12, 2}, {8, 3}, {6, 4},
                                                             {4, 6},  {3, 8},  {2, 12}};
  for (const auto& [size, count] : one_slice) {
    CHECK(most(47, 100 + size) == count);
  }
  const std::vector<std::pair<unsigned, unsigned>> two_slices{{48, 1}, {24, 2}, {16, 3}, {12, 4}};
  for (const auto& [size, count] : two_slices) {
    CHECK(most(35, 200 + size) == count);
  }
  const std::vector<std::pair<unsigned, unsigned>> four_slices{{96, 1}, {48, 2}, {32, 3}, {24, 4}};
  for (const auto& [size, count] : four_slices) {
    CHECK(most(32, 400 + size) == count);
  }
  sim::GpuModel full = blackwell(true);
  full.instances = {47, 47, 47, 47};
  CHECK(fill(full, 102) == 48);
}

TEST_CASE("vGPU: sizes can be mixed within a GPU instance of RTX PRO 6000") {
  sim::GpuModel gpu = blackwell(true);
  gpu.instances = {47, 47};
  sim::VgpuState state(gpu);
  state.set_table(true);
  CHECK(state.set_mixed(true) == EOPNOTSUPP);
  CHECK(state.set_mixed(true, 9) == ENODEV);
  CHECK(state.set_mixed(true, 1) == 0);
  CHECK(state.create(112, 0) == VgpuStatus::ok);
  CHECK(state.create(106, 1) == VgpuStatus::ok);
  CHECK(state.find(1)->instance == 1U);
  CHECK(state.find(1)->placement == 12U);
  CHECK(state.create(112, 2) == VgpuStatus::ok);
  CHECK(state.find(2)->instance == 2U);
  CHECK(state.create(108, 3) == VgpuStatus::insufficient_resources);  // equal sizes there, no room here
  CHECK(state.set_mixed(false, 1) == EBUSY);
  state.reboot();
  CHECK_FALSE(state.is_mig());
}

TEST_CASE("vGPU: the GPUs of the shipped scenarios have the published maxima") {
  const std::vector<std::pair<const char*, const char*>> scenarios{
      {"a40", "NVIDIA A40"},    {"a100", "GRID A100D"},
      {"a16", "NVIDIA A16"},    {"l40s", "NVIDIA L40S"},
      {"h200", "NVIDIA H200X"}, {"rtx-pro-6000", "NVIDIA RTX Pro 6000 Blackwell DC"}};
  for (const auto& [scenario, name] : scenarios) {
    const sim::GpuModel gpu = *test::shipped(scenario).parents.front().gpu;
    const auto card = std::find_if(cards().begin(), cards().end(), [&, wanted = name](const Card& one) {
      return wanted == std::string(one.name);
    });
    REQUIRE(card != cards().end());
    std::size_t compared = 0;
    for (const sim::VgpuType& type : gpu.types) {
      const auto row = std::find_if(card->rows.begin(), card->rows.end(), [&](const Published& one) {
        return one.size == parse_vgpu_name(type.name)->gib;
      });
      if (!type.mig && row != card->rows.end()) {
        INFO(type.name);
        CHECK(type.most == row->equal);
        ++compared;
      }
    }
    CHECK(compared >= 7);
  }
}
