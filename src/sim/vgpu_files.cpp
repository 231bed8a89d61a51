// NVIDIA's vGPUs as files of virtual functions, without mdev: the rules of the shipped driver (N1) and of the
// driver proposed upstream (N2).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "functions.hpp"

namespace mdevadm::sim {

namespace {

constexpr Time driver_patience{5000};  // how long N1 waits for a user that has just closed it
constexpr const char* heading = "ID    : vGPU Name\n";

std::string list_entry(std::string_view id, std::string_view name) {
  return fmt::format("{:<5} : {}\n", id, name);
}

class VgpuFiles final : public VgpuInterface {
 public:
  // `gpu` is nullptr for the proposed driver, which counts by itself.
  VgpuFiles(Kernel& kernel, const SimParent& settings, VgpuState* gpu)
      : kernel_(kernel), settings_(settings), gpu_(gpu), capacity_(settings.capacity) {}

  void publish(Function& function) override {
    kernel_.devices.emplace(function.name, &function);
    kernel_.add_vfio(function);
    Kernfs& files = kernel_.files;
    const NodeId directory = files.directory(function.directory, "nvidia");
    files.attribute(directory, "creatable_vgpu_types", 0444,
                    [this, &function] { return Reading{creatable(function)}; });
    files.attribute(
        directory, "current_vgpu_type", 0644, [this, &function] { return Reading{current(function) + "\n"}; },
        [this, &function](std::string_view data, const Answer& answer) {
          write_type(function, data, answer);
        });
    if (gpu_ != nullptr) {
      auto& parameters = parameters_[function.index] = std::make_shared<std::string>();
      VgpuAttributes(kernel_, *gpu_).add(directory, {function.name, function.index, parameters});
    }
  }

  // The kernel waits until the function is closed before it takes it away from the driver.
  void withdraw(Function& function, const std::function<void()>& then) override {
    const auto finish = [this, &function, then] {
      release(function);
      kernel_.files.remove(function.directory, "nvidia");
      kernel_.remove_vfio(function);
      kernel_.devices.erase(function.name);
      function.user.clear();
      used_.erase(function.index);
      then();
    };
    if (kernel_.is_open(function)) {
      kernel_.waiting.push_back({&function, finish});
    } else {
      finish();
    }
  }

  bool preset(Function& function, const SimDevice& device) override {
    if (has_type(function)) {
      return false;
    }
    const auto number = parse_kernel_number(device.type, 10);
    return number && set(function, static_cast<std::int64_t>(*number)) == 0;
  }

  int admit(Function& function) override {
    if (!has_type(function)) {
      return ENODEV;
    }
    used_.insert(function.index);
    return 0;
  }

  bool is_open(const Function& function) const override { return kernel_.is_open(function); }

  void reset() override {
    for (const auto& [index, parameters] : parameters_) {
      parameters->clear();
    }
    used_.clear();
    for (const auto& [index, type] : types_) {
      capacity_.give_back(type->id);
    }
    types_.clear();
  }

 private:
  bool is_shipped() const { return gpu_ != nullptr; }

  bool has_type(const Function& function) const {
    return is_shipped() ? gpu_->find(function.index) != nullptr : types_.contains(function.index);
  }

  std::string current(const Function& function) const {
    if (!has_type(function)) {
      return "0";
    }
    return is_shipped() ? std::to_string(gpu_->find(function.index)->type->id)
                        : types_.at(function.index)->id;
  }

  // Returns the types that can be created on this function now.
  std::string creatable(const Function& function) const {
    return is_shipped() ? list_shipped(function) : list_proposed(function);
  }

  std::string list_shipped(const Function& function) const {
    std::string text = heading;
    for (const VgpuType& type : gpu_->model().types) {
      if (gpu_->available(type, function.index)) {
        text += list_entry(std::to_string(type.id), type.name);
      }
    }
    return text;
  }

  std::string list_proposed(const Function& function) const {
    if (has_type(function)) {
      return {};
    }
    std::string text = types_.empty() ? heading : "";
    for (const SimType& type : settings_.types) {
      if (capacity_.left(type.id) > 0) {
        text += list_entry(type.id, type.name);
      }
    }
    return text;
  }

  void release(Function& function) {
    if (is_shipped()) {
      parameters_.at(function.index)->clear();
      return gpu_->destroy(function.index);
    }
    if (const auto found = types_.find(function.index); found != types_.end()) {
      capacity_.give_back(found->second->id);
      types_.erase(found);
    }
  }

  void write_type(Function& function, std::string_view data, const Answer& answer) {
    const int taken = static_cast<int>(data.size());
    std::string_view digits = data.ends_with('\n') ? data.substr(0, data.size() - 1) : data;
    digits = digits.starts_with('+') ? digits.substr(1) : digits;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
      return answer(-EINVAL);
    }
    if (error == std::errc::result_out_of_range) {
      return answer(-ERANGE);
    }
    const Operation operation = number == 0 ? Operation::remove : Operation::create;
    const auto strike = kernel_.trouble.strike(operation);
    const Time delay = kernel_.trouble.delay(operation) + (number == 0 ? linger(function) : Time{0});
    kernel_.time.after(
        std::min(delay, driver_patience + kernel_.trouble.delay(operation)),
        [this, name = function.name, number, strike, answer, taken, late = delay > driver_patience] {
          const auto found = kernel_.devices.find(name);
          if (found == kernel_.devices.end()) {
            return answer(-ENODEV);
          }
          auto& still = static_cast<Function&>(*found->second);
          const int result = strike ? strike->error : number == 0 ? clear(still, late) : set(still, number);
          answer(result != 0 ? -result : taken);
        });
  }

  // Returns for how long the driver is busy after the function was closed.
  Time linger(const Function& function) const {
    const bool was_used = used_.contains(function.index);
    return is_shipped() && was_used && !kernel_.is_open(function) ? settings_.linger : Time{0};
  }

  int clear(Function& function, bool late) {
    if (is_shipped()) {
      if (!has_type(function) || kernel_.is_open(function)) {
        return EPERM;
      }
      if (late) {
        used_.erase(function.index);
        return EBUSY;
      }
    } else if (kernel_.is_open(function)) {
      return EBUSY;
    }
    release(function);
    used_.erase(function.index);
    return 0;
  }

  int set(Function& function, std::int64_t number) {
    return is_shipped() ? set_shipped(function, number) : set_proposed(function, number);
  }

  int set_shipped(Function& function, std::int64_t number) {
    if (has_type(function)) {
      return EPERM;
    }
    if (function.is_broken) {
      kernel_.print(fmt::format("[nvidia-vgpu-vfio] {}: vfio_pci_core_device not found", function.name));
      return EIO;
    }
    return refused(kernel_, gpu_->create(static_cast<std::uint64_t>(number), function.index));
  }

  int set_proposed(Function& function, std::int64_t number) {
    if (kernel_.is_open(function)) {
      return EBUSY;
    }
    const std::string id = std::to_string(number);
    const auto type = std::find_if(settings_.types.begin(), settings_.types.end(),
                                   [&](const SimType& one) { return one.id == id; });
    if (type == settings_.types.end()) {
      return ENODEV;
    }
    plan::Capacity without = capacity_;
    if (has_type(function)) {
      without.give_back(types_.at(function.index)->id);
    }
    if (!without.fits(id)) {
      return without.is_shut_out(id) ? EINVAL : ENOSPC;
    }
    release(function);
    capacity_.take(id);
    types_[function.index] = &*type;
    return 0;
  }

  Kernel& kernel_;
  const SimParent& settings_;
  VgpuState* gpu_;
  plan::Capacity capacity_;                     // of the proposed driver
  std::map<unsigned, const SimType*> types_{};  // likewise
  std::map<unsigned, std::shared_ptr<std::string>> parameters_{};
  std::set<unsigned> used_{};  // functions that were opened since they have their type
};

}  // namespace

std::unique_ptr<VgpuInterface> make_vgpu_files(Kernel& kernel, const SimParent& settings, VgpuState* gpu) {
  return std::make_unique<VgpuFiles>(kernel, settings, gpu);
}

int refused(Kernel& kernel, VgpuStatus status) {
  if (status == VgpuStatus::ok) {
    return 0;
  }
  kernel.print(fmt::format("NVRM: Failed to add vgpu create request: {:#x}", static_cast<unsigned>(status)));
  return EIO;
}

bool VgpuAttributes::is_open(const Owner& owner) const {
  const auto found = kernel_.devices.find(owner.name);
  return found != kernel_.devices.end() && kernel_.is_open(*found->second);
}

// Returns 0 or the errno of a write. Attributes cannot be changed while the vGPU does not exist or is open.
int VgpuAttributes::check(const Owner& owner, const char* attribute) const {
  if (const auto strike = kernel_.trouble.strike(Operation::attribute, attribute)) {
    return strike->error;
  }
  return gpu_.find(owner.function) == nullptr ? ENXIO : is_open(owner) ? EPERM : 0;
}

void VgpuAttributes::add_number(NodeId directory, const char* name, const Owner& owner, Get get, Set set) {
  const auto show = [this_gpu = &gpu_, function = owner.function, get] {
    const Vgpu* vgpu = this_gpu->find(function);
    const bool is_placement = get == &Vgpu::placement;
    return vgpu == nullptr ? Reading{{}, ENXIO}
           : (vgpu->*get)  ? Reading{fmt::format("{}\n", *(vgpu->*get))}
           : is_placement  ? Reading{"Not Applicable\n"}
                           : Reading{"0\n"};
  };
  // NVIDIA documents no errno for refusals: EIO, as for current_vgpu_type.
  const auto store = [self = *this, owner, name, set](std::string_view data, const Answer& answer) {
    const auto number = parse_kernel_number(data, 10);
    int error = number ? self.check(owner, name) : EINVAL;
    if (error == 0 && (self.gpu_.*set)(owner.function, static_cast<unsigned>(*number)) != VgpuStatus::ok) {
      error = EIO;
    }
    answer(error != 0 ? -error : static_cast<int>(data.size()));
  };
  kernel_.files.attribute(directory, name, 0644, show, store);
}

void VgpuAttributes::add(NodeId directory, const Owner& owner) {
  constexpr std::size_t most = 1024;
  add_number(directory, "gpu_instance_id", owner, &Vgpu::instance, &VgpuState::move_to_instance);
  add_number(directory, "placement_id", owner, &Vgpu::placement, &VgpuState::set_placement);
  // The driver keeps one byte less than was written, whether or not that is a newline.
  kernel_.files.attribute(
      directory, "vgpu_params", 0644,
      [self = *this, owner] {
        const bool exists = self.gpu_.find(owner.function) != nullptr;
        return exists ? Reading{owner.parameters->empty() ? "" : *owner.parameters + "\n"}
                      : Reading{{}, ENXIO};
      },
      [self = *this, owner](std::string_view data, const Answer& answer) {
        const int error = data.size() > most ? E2BIG : self.check(owner, "vgpu_params");
        if (error == 0) {
          *owner.parameters = data.substr(0, data.empty() ? 0 : data.size() - 1);
        }
        answer(error != 0 ? -error : static_cast<int>(data.size()));
      });
}

}  // namespace mdevadm::sim
