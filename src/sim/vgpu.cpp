#include <mdevadm/sim/vgpu.hpp>

#include <algorithm>
#include <cerrno>

namespace mdevadm::sim {

VgpuState::VgpuState(const GpuModel& model)
    : model_(model), mig_(model.mig), mig_wanted_(model.mig), mixed_(model.mixed) {
  make_first_instances();
}

void VgpuState::make_first_instances() {
  for (const unsigned profile : model_.instances) {
    create_instance(profile);
  }
}

const VgpuType* VgpuState::find_type(std::uint64_t id) const {
  const auto found = std::find_if(model_.types.begin(), model_.types.end(),
                                  [&](const VgpuType& type) { return type.id == id; });
  return found == model_.types.end() ? nullptr : &*found;
}

const Vgpu* VgpuState::find(unsigned function) const {
  const auto found = vgpus_.find(function);
  return found == vgpus_.end() ? nullptr : &found->second;
}

std::size_t VgpuState::count_in(unsigned instance) const {
  return static_cast<std::size_t>(std::count_if(
      vgpus_.begin(), vgpus_.end(), [&](const auto& entry) { return entry.second.instance == instance; }));
}

const GpuInstance* VgpuState::find_instance(unsigned id) const {
  const auto found = std::find_if(instances_.begin(), instances_.end(),
                                  [&](const GpuInstance& one) { return one.id == id; });
  return found == instances_.end() ? nullptr : &*found;
}

// Placement ids exist since Ada; on Ampere only where sizes are mixed, in GPU instances only on Blackwell.
bool VgpuState::has_placements(const VgpuType& type, std::optional<unsigned> instance) const {
  return instance ? is_blackwell() : !placements(type, model_, mixed_).empty();
}

// Returns the ids at which the type overlaps no vGPU of the GPU (or of the GPU instance), ascending. The vGPU
// of function `except` does not count.
std::vector<unsigned> VgpuState::free_placements(const VgpuType& type, std::optional<unsigned> instance,
                                                 std::optional<unsigned> except) const {
  std::vector<unsigned> ids = placements(type, model_, mixed_);
  if (instance) {
    const unsigned region = find_instance(*instance)->profile->gigabytes;
    for (unsigned i = 0; i < type.most_per_instance; ++i) {
      ids.push_back(region * i / type.most_per_instance);
    }
  }
  std::erase_if(ids, [&](unsigned id) {
    return std::any_of(vgpus_.begin(), vgpus_.end(), [&](const auto& entry) {
      const auto& [function, vgpu] = entry;
      return function != except && vgpu.instance == instance && vgpu.placement &&
             id < *vgpu.placement + vgpu.type->size && *vgpu.placement < id + type.size;
    });
  });
  return ids;
}

// A GPU instance has vGPUs of one size, unless its sizes are mixed.
bool VgpuState::fits_instance(const VgpuType& type, const GpuInstance& instance) const {
  if (instance.profile->id != type.profile || count_in(instance.id) >= type.most_per_instance) {
    return false;
  }
  const bool same_size = std::all_of(vgpus_.begin(), vgpus_.end(), [&](const auto& entry) {
    return entry.second.instance != instance.id || entry.second.type->framebuffer == type.framebuffer;
  });
  return (same_size || instance.mixed) && (!is_blackwell() || !free_placements(type, instance.id).empty());
}

// The driver takes the instance with the lowest id, not the fullest one.
const GpuInstance* VgpuState::instance_for(const VgpuType& type) const {
  const auto found = std::find_if(instances_.begin(), instances_.end(),
                                  [&](const GpuInstance& one) { return fits_instance(type, one); });
  return found == instances_.end() ? nullptr : &*found;
}

// Whether the vGPUs that exist permit the type at all: on a GPU of equal sizes those with the same
// framebuffer, otherwise those with a free placement.
bool VgpuState::is_allowed(const VgpuType& type) const {
  if (mixed_) {
    return !free_placements(type, std::nullopt).empty();
  }
  return vgpus_.empty() || vgpus_.begin()->second.type->framebuffer == type.framebuffer;
}

bool VgpuState::available(const VgpuType& type, unsigned function) const {
  if (!has_table_ || vgpus_.contains(function)) {
    return false;
  }
  if (mig_) {
    return type.mig && instance_for(type) != nullptr;
  }
  return !type.mig && vgpus_.size() < type.most && (vgpus_.empty() || is_allowed(type));
}

VgpuStatus VgpuState::create(std::uint64_t id, unsigned function) {
  const VgpuType* type = has_table_ ? find_type(id) : nullptr;
  if (type == nullptr) {
    return VgpuStatus::object_not_found;
  }
  if (vgpus_.contains(function)) {
    return VgpuStatus::invalid_operation;
  }
  if (mig_) {
    return create_in_instance(*type, function);
  }
  if (type->mig) {
    return VgpuStatus::invalid_operation;
  }
  if (!is_allowed(*type)) {
    return VgpuStatus::not_supported;
  }
  if (!mixed_ && vgpus_.size() >= type->most) {
    return VgpuStatus::insufficient_resources;
  }
  Vgpu vgpu{.type = type};
  if (has_placements(*type, std::nullopt)) {
    const std::vector<unsigned> free = free_placements(*type, std::nullopt);
    if (free.empty()) {
      return VgpuStatus::invalid_state;
    }
    vgpu.placement = free.front();
  }
  vgpus_.emplace(function, vgpu);
  return VgpuStatus::ok;
}

VgpuStatus VgpuState::create_in_instance(const VgpuType& type, unsigned function) {
  if (instances_.empty()) {
    return VgpuStatus::invalid_operation;
  }
  if (!type.mig) {
    return VgpuStatus::invalid_argument;
  }
  const GpuInstance* instance = instance_for(type);
  if (instance == nullptr) {
    const bool shape = std::any_of(instances_.begin(), instances_.end(),
                                   [&](const GpuInstance& one) { return one.profile->id == type.profile; });
    return shape ? VgpuStatus::insufficient_resources : VgpuStatus::invalid_state;
  }
  Vgpu vgpu{.type = &type, .instance = instance->id};
  if (has_placements(type, instance->id)) {
    vgpu.placement = free_placements(type, instance->id).front();
  }
  vgpus_.emplace(function, vgpu);
  return VgpuStatus::ok;
}

void VgpuState::destroy(unsigned function) {
  vgpus_.erase(function);
}

VgpuStatus VgpuState::set_placement(unsigned function, unsigned id) {
  Vgpu& vgpu = vgpus_.at(function);
  if (vgpu.placement == id) {
    return VgpuStatus::ok;
  }
  if (!vgpu.placement) {
    return VgpuStatus::not_supported;
  }
  // The new place is reserved before the old one is released.
  const std::vector<unsigned> free = free_placements(*vgpu.type, vgpu.instance);
  if (std::find(free.begin(), free.end(), id) == free.end()) {
    return VgpuStatus::invalid_state;
  }
  vgpu.placement = id;
  return VgpuStatus::ok;
}

VgpuStatus VgpuState::move_to_instance(unsigned function, unsigned id) {
  Vgpu& vgpu = vgpus_.at(function);
  if (!mig_ || instances_.empty()) {
    return VgpuStatus::invalid_operation;
  }
  if (vgpu.instance == id) {
    return VgpuStatus::ok;
  }
  const GpuInstance* instance = find_instance(id);
  if (instance == nullptr || !fits_instance(*vgpu.type, *instance)) {
    return VgpuStatus::invalid_state;
  }
  if (vgpu.placement) {
    vgpu.placement = free_placements(*vgpu.type, id).front();
  }
  vgpu.instance = id;
  return VgpuStatus::ok;
}

int VgpuState::set_mig(bool on, bool has_functions) {
  if (model_.profiles.empty()) {
    return EOPNOTSUPP;
  }
  if (!on && (has_functions || !instances_.empty())) {
    return EBUSY;
  }
  mig_wanted_ = on;
  if (vgpus_.empty()) {
    mig_ = on;
    mixed_ = mixed_ && !on;
  }
  return 0;
}

int VgpuState::set_mixed(bool on, std::optional<unsigned> instance) {
  // A GPU in MIG mode is never time-sliced as a whole; within an instance it can be since Blackwell.
  if (mig_ != instance.has_value() || (instance && !is_blackwell())) {
    return EOPNOTSUPP;
  }
  if (!instance) {
    if (!vgpus_.empty()) {
      return EBUSY;
    }
    mixed_ = on;
    return 0;
  }
  const auto found = std::find_if(instances_.begin(), instances_.end(),
                                  [&](const GpuInstance& one) { return one.id == *instance; });
  if (found == instances_.end()) {
    return instances_.empty() ? EOPNOTSUPP : ENODEV;
  }
  if (count_in(*instance) != 0) {
    return EBUSY;
  }
  found->mixed = on;
  return 0;
}

namespace {

// The framebuffer is assigned in eighths.
unsigned eighths(const InstanceProfile& profile, const GpuModel& gpu) {
  return std::max((8 * profile.gigabytes + gpu.memory / 2) / gpu.memory, 1U);
}

}  // namespace

// Where in the GPU an instance is placed is not simulated, only that it fits.
int VgpuState::create_instance(unsigned profile) {
  const auto wanted = std::find_if(model_.profiles.begin(), model_.profiles.end(),
                                   [&](const InstanceProfile& one) { return one.id == profile; });
  if (model_.profiles.empty() || !mig_) {
    return EOPNOTSUPP;
  }
  if (wanted == model_.profiles.end()) {
    return EINVAL;
  }
  unsigned slices = wanted->slices;
  unsigned memory = eighths(*wanted, model_);
  unsigned same = 1;
  unsigned most_slices = 0;
  for (const InstanceProfile& one : model_.profiles) {
    most_slices = std::max(most_slices, one.slices);
  }
  for (const GpuInstance& one : instances_) {
    slices += one.profile->slices;
    memory += eighths(*one.profile, model_);
    same += one.profile == &*wanted ? 1U : 0U;
  }
  if (slices > most_slices || memory > 8 || same > wanted->most) {
    return ENOSPC;
  }
  unsigned id = 1;
  while (find_instance(id) != nullptr) {
    ++id;
  }
  const auto place =
      std::find_if(instances_.begin(), instances_.end(), [&](const GpuInstance& one) { return one.id > id; });
  instances_.insert(place, {id, &*wanted});
  return 0;
}

int VgpuState::destroy_instance(unsigned id) {
  const GpuInstance* instance = find_instance(id);
  if (instance == nullptr) {
    return ENODEV;
  }
  if (instance->has_compute || count_in(id) != 0) {
    return EBUSY;
  }
  std::erase_if(instances_, [&](const GpuInstance& one) { return one.id == id; });
  return 0;
}

int VgpuState::set_compute(unsigned id, bool exists) {
  const auto found = std::find_if(instances_.begin(), instances_.end(),
                                  [&](const GpuInstance& one) { return one.id == id; });
  if (found == instances_.end()) {
    return ENODEV;
  }
  if (found->has_compute == exists) {
    return exists ? ENOSPC : ENODEV;
  }
  found->has_compute = exists;
  return 0;
}

void VgpuState::reset() {
  vgpus_.clear();
  instances_.clear();
  mixed_ = false;
  mig_ = mig_wanted_;
}

void VgpuState::reboot() {
  mig_wanted_ = mig_wanted_ && model_.generation == Generation::ampere;
  reset();
  has_table_ = false;
}

}  // namespace mdevadm::sim
