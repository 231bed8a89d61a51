// What follows from the name of a vGPU type and from the GPU: sizes, maxima, placements.
#include <algorithm>
#include <array>
#include <cctype>
#include <mdevadm/sim/vgpu.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sim {

namespace {

constexpr unsigned most_time_sliced = 32;
constexpr unsigned mebibytes_per_slot = 1024;

std::size_t leading_digits(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

unsigned to_number(std::string_view digits) {
  return static_cast<unsigned>(parse_decimal(digits).value_or(0));
}

unsigned power_of_two_below(unsigned number) {
  unsigned power = 1;
  while (power * 2 <= number) {
    power *= 2;
  }
  return power;
}

// Ids that types with a guest framebuffer of exactly 1 GiB do not get on GPUs with 48 GB: the driver keeps
// these slots for itself.
bool is_denied(const VgpuType& type, const GpuModel& gpu, unsigned id) {
  constexpr std::array ampere{8U, 32U};
  constexpr std::array later{2U, 3U, 8U, 9U, 14U, 15U, 20U, 21U, 26U, 27U, 32U, 33U, 38U, 39U, 44U, 45U};
  if (type.framebuffer != mebibytes_per_slot || gpu.memory != 48) {
    return false;
  }
  return gpu.generation == Generation::ampere ? std::find(ampere.begin(), ampere.end(), id) != ampere.end()
                                              : std::find(later.begin(), later.end(), id) != later.end();
}

// Evenly spread over a region.
std::vector<unsigned> spread(unsigned region, unsigned count) {
  std::vector<unsigned> ids;
  for (unsigned i = 0; i < count; ++i) {
    ids.push_back(region * i / count);
  }
  return ids;
}

// The GPU is halved again and again. A type is placed at both ends of the parts of which each holds two; if
// its maximum is not a power of two, at the outer end of the parts of which each holds more than one.
std::vector<unsigned> halved(const VgpuType& type, const GpuModel& gpu) {
  const unsigned power = power_of_two_below(type.most);
  const bool both_ends = power == type.most;
  const unsigned parts = both_ends ? std::max(power / 2, 1U) : power;
  std::vector<unsigned> ids;
  for (unsigned part = 0; part < parts; ++part) {
    const unsigned begin = gpu.memory * part / parts;
    const unsigned end = gpu.memory * (part + 1) / parts;
    if (both_ends || part % 2 == 0) {
      ids.push_back(begin);
    }
    if (type.most > 1 && (both_ends || part % 2 == 1)) {
      ids.push_back(end - type.size);
    }
  }
  return ids;
}

}  // namespace

bool read_profile_name(InstanceProfile& profile) {
  const std::string_view name = profile.name;
  const std::size_t slices = leading_digits(name);
  if (slices == 0 || !name.substr(slices).starts_with("g.")) {
    return false;
  }
  const std::string_view rest = name.substr(slices + 2);
  const std::size_t gigabytes = leading_digits(rest);
  if (gigabytes == 0 || !rest.substr(gigabytes).starts_with("gb")) {
    return false;
  }
  profile.slices = to_number(name.substr(0, slices));
  profile.gigabytes = to_number(rest.substr(0, gigabytes));
  profile.media = rest.substr(gigabytes + 2) == "+me";
  return true;
}

namespace {

// Returns the smallest shape that holds the type: 1-10C goes into 1g.10gb even where 1g.20gb exists.
const InstanceProfile* profile_for(const VgpuName& name, const GpuModel& gpu) {
  const InstanceProfile* found = nullptr;
  for (const InstanceProfile& one : gpu.profiles) {
    if (one.slices == name.slices && one.media == (name.attributes == "ME") && one.gigabytes >= name.gib &&
        (found == nullptr || one.gigabytes < found->gigabytes)) {
      found = &one;
    }
  }
  return found;
}

bool complete_mig(VgpuType& type, const VgpuName& name, const GpuModel& gpu) {
  const InstanceProfile* profile = profile_for(name, gpu);
  if (profile == nullptr) {
    return false;
  }
  const auto or_else = [](unsigned& value, unsigned otherwise) { value = value != 0 ? value : otherwise; };
  type.mig = true;
  type.profile = profile->id;
  or_else(type.most_per_instance, std::max(profile->gigabytes / std::max(name.gib, 1U), 1U));
  or_else(type.most, profile->most * type.most_per_instance);
  or_else(type.size,
          gpu.generation == Generation::blackwell ? profile->gigabytes / type.most_per_instance : name.gib);
  return true;
}

}  // namespace

bool complete_type(VgpuType& type, const GpuModel& gpu) {
  const auto name = parse_vgpu_name(type.name);
  if (!name) {
    return false;
  }
  if (type.framebuffer == 0) {
    type.framebuffer = name->gib == 0 ? mebibytes_per_slot / 2 : name->gib * mebibytes_per_slot;
  }
  if (name->slices != 0) {
    return complete_mig(type, *name, gpu);
  }
  const unsigned slots = std::max(type.framebuffer / mebibytes_per_slot, 1U);
  if (type.most == 0) {
    type.most = std::clamp(gpu.memory / slots, 1U, most_time_sliced);
  }
  if (type.size == 0) {
    // Blackwell divides the framebuffer evenly: 2 GB types take 3 GB of 96, because there are 32 of them.
    type.size = gpu.generation == Generation::blackwell ? std::max(gpu.memory / type.most, 1U) : slots;
  }
  return true;
}

std::vector<unsigned> placements(const VgpuType& type, const GpuModel& gpu, bool mixed) {
  if (type.mig) {
    return {};
  }
  if (gpu.generation == Generation::blackwell) {
    return spread(gpu.memory, type.most);
  }
  if (!mixed) {
    std::vector<unsigned> ids;
    for (unsigned i = 0; gpu.generation != Generation::ampere && i < type.most; ++i) {
      ids.push_back(i * type.size);
    }
    return ids;
  }
  std::vector<unsigned> ids = halved(type, gpu);
  std::erase_if(ids, [&](unsigned id) { return is_denied(type, gpu, id); });
  return ids;
}

}  // namespace mdevadm::sim
