// The rules by which NVIDIA's host driver accepts vGPUs on the virtual functions of one GPU: sizes, maxima,
// placements, GPU instances (MIG). No files and no time: the simulated parents call it. Read from the open
// source kernel modules, release 595.45.04 (kernel_vgpu_mgr.c, common_vgpu_mgr.c, device_ctrl.c).
#pragma once

#include <cstdint>
#include <map>
#include <mdevadm/model/vgpu_name.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::sim {

enum class Generation { ampere, ada, hopper, blackwell };

struct VgpuType {
  std::uint64_t id = 0;
  std::string name{};
  unsigned framebuffer = 0;  // in MiB: the driver compares it, not the name
  unsigned size = 0;         // slots of the framebuffer that it takes; a slot is a GiB
  unsigned most = 0;         // on one GPU of equal sizes
  bool mig = false;
  unsigned profile = 0;            // of the GPU instances that can have it
  unsigned most_per_instance = 0;  // in such an instance
};

// A shape of GPU instances, as `nvidia-smi mig -lgip` lists them: id 19 is 1g.5gb on most GPUs.
struct InstanceProfile {
  unsigned id = 0;
  std::string name{};
  unsigned most = 0;
  unsigned slices = 0;     // of the compute engines
  unsigned gigabytes = 0;  // of framebuffer
  bool media = false;      // "+me"
};

// Completes a profile by what its name says ("2g.20gb", "1g.10gb+me"). Returns false if it says nothing.
bool read_profile_name(InstanceProfile& profile);

struct GpuModel {
  Generation generation = Generation::ada;
  unsigned memory = 0;  // nominal, in GiB: the largest time-sliced type
  bool mixed = false;   // at the start: types of different sizes may be together
  bool mig = false;     // at the start: MIG mode is on
  std::vector<VgpuType> types{};
  std::vector<InstanceProfile> profiles{};  // empty: the GPU has no MIG
  std::vector<unsigned> instances{};        // at the start: the profiles of the GPU instances
};

// Derives what the name and the GPU imply: framebuffer, size, maxima, profile. Values that are not 0 remain.
// Returns false if the name is not understood.
bool complete_type(VgpuType& type, const GpuModel& gpu);

// Returns the placement ids of a time-sliced type, ascending; empty if it has none. `mixed` selects the ids
// of a GPU whose types have different sizes.
std::vector<unsigned> placements(const VgpuType& type, const GpuModel& gpu, bool mixed);

// Answers of the driver, by their numbers in the kernel log.
enum class VgpuStatus : unsigned {
  ok = 0,
  insufficient_resources = 0x1a,
  invalid_argument = 0x1f,
  invalid_operation = 0x38,
  invalid_state = 0x40,
  not_supported = 0x56,
  object_not_found = 0x57,
};

struct GpuInstance {
  unsigned id;
  const InstanceProfile* profile;
  bool mixed = false;
  bool has_compute = false;  // a compute instance, which the guest can also create by itself
};

// A vGPU on a virtual function.
struct Vgpu {
  const VgpuType* type;
  std::optional<unsigned> placement{};
  std::optional<unsigned> instance{};  // id of its GPU instance
};

// The state of one GPU. Functions are numbered as virtfnN.
class VgpuState {
 public:
  explicit VgpuState(const GpuModel& model);

  // The table of types comes from nvidia-vgpud and survives until the kernel module is unloaded.
  void set_table(bool is_known) { has_table_ = is_known; }
  bool has_table() const { return has_table_; }
  const GpuModel& model() const { return model_; }
  const VgpuType* find_type(std::uint64_t id) const;

  // Whether one more of the type is possible on this function, as lists and available_instances report it.
  // On a GPU of mixed sizes create() accepts more than this.
  bool available(const VgpuType& type, unsigned function) const;
  VgpuStatus create(std::uint64_t id, unsigned function);
  // Does nothing if the function has no vGPU.
  void destroy(unsigned function);
  const Vgpu* find(unsigned function) const;
  std::size_t count() const { return vgpus_.size(); }

  VgpuStatus set_placement(unsigned function, unsigned id);
  VgpuStatus move_to_instance(unsigned function, unsigned id);

  // The requests of nvidia-smi return 0 or an errno: EBUSY (in use by another client), EOPNOTSUPP, ENODEV (no
  // such GPU instance), EINVAL (no such profile), ENOSPC.
  bool is_mig() const { return mig_; }
  bool is_mig_wanted() const { return mig_wanted_; }  // differs from is_mig(): pending until the GPU is reset
  int set_mig(bool on, bool has_functions);
  bool is_mixed() const { return mixed_; }
  int set_mixed(bool on, std::optional<unsigned> instance = std::nullopt);
  const std::vector<GpuInstance>& instances() const { return instances_; }
  int create_instance(unsigned profile);
  // A GPU instance with a compute instance cannot be destroyed.
  int destroy_instance(unsigned id);
  int set_compute(unsigned id, bool exists);

  // The driver releases the GPU: vGPUs, GPU instances and mixed sizes are lost, a pending MIG mode takes
  // effect.
  void reset();
  // Likewise after a reboot; the MIG mode survives on Ampere only.
  void reboot();

 private:
  bool is_blackwell() const { return model_.generation == Generation::blackwell; }
  bool fits_instance(const VgpuType& type, const GpuInstance& instance) const;
  const GpuInstance* instance_for(const VgpuType& type) const;
  const GpuInstance* find_instance(unsigned id) const;
  std::size_t count_in(unsigned instance) const;
  bool is_allowed(const VgpuType& type) const;
  bool has_placements(const VgpuType& type, std::optional<unsigned> instance) const;
  std::vector<unsigned> free_placements(const VgpuType& type, std::optional<unsigned> instance,
                                        std::optional<unsigned> except = std::nullopt) const;
  VgpuStatus create_in_instance(const VgpuType& type, unsigned function);
  void make_first_instances();

  const GpuModel& model_;
  bool has_table_ = false;
  bool mig_, mig_wanted_, mixed_;
  std::vector<GpuInstance> instances_{};
  std::map<unsigned, Vgpu> vgpus_{};  // by function
};

}  // namespace mdevadm::sim
