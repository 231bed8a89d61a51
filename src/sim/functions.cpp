// NVIDIA vGPUs on SR-IOV virtual functions, without mdev: the rules of the shipped driver (N1) and of the
// driver proposed upstream (N2).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include <mdevadm/util/text.hpp>

#include "kernel.hpp"

namespace mdevadm::sim {

namespace {

constexpr unsigned first_function = 4;  // distance of the first VF from its physical function
constexpr Time driver_patience{5000};   // how long N1 waits for a user that has just closed it

struct Function : Assignable {
  const SimType* type = nullptr;
  bool was_used = false;
  std::string parameters{};
};

class FunctionParent final : public Provider {
 public:
  using Provider::Provider;

  void preset(const SimDevice& device) override {
    for (const auto& function : functions_) {
      if (function->type == nullptr) {
        take(*function, *settings_.find_type(device.type));
        return;
      }
    }
  }

  void withdraw() override {
    if (present_ && enable_functions(0) == 0) {
      registered_ = present_ = false;
      remove_directory();
    }
  }

  int admit(Assignable& assignable, const std::string&) override {
    auto& function = static_cast<Function&>(assignable);
    function.was_used = function.type != nullptr;
    return function.type == nullptr ? ENODEV : 0;
  }

  // Enables all VFs or none, like SR-IOV.
  int enable_functions(std::uint64_t count) override {
    if (count > settings_.functions) {
      return ERANGE;
    }
    if (count > 0 && !functions_.empty()) {
      return count == functions_.size() ? 0 : EBUSY;
    }
    if (std::any_of(functions_.begin(), functions_.end(),
                    [&](const auto& one) { return kernel_.is_open(*one); })) {
      return EBUSY;
    }
    while (!functions_.empty()) {
      remove_last();
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      add(i);
    }
    return 0;
  }

 private:
  bool is_shipped() const { return settings_.interface->revision == 1; }

  std::string address(std::uint64_t index) const {
    const auto part = [&](std::size_t at, std::size_t size) {
      unsigned value = 0;
      std::from_chars(settings_.name.data() + at, settings_.name.data() + at + size, value, 16);
      return value;
    };
    const std::uint64_t number = (part(5, 2) << 8) + (part(8, 2) << 3) + part(11, 1) + first_function + index;
    return fmt::format("{}{:02x}:{:02x}.{:x}", settings_.name.substr(0, 5), number >> 8, (number >> 3) & 0x1f,
                       number & 7);
  }

  void publish() override {
    Kernfs& files = kernel_.files;
    files.constant(directory_, "sriov_totalvfs", fmt::format("{}\n", settings_.functions));
    files.attribute(
        directory_, "sriov_numvfs", 0644, [this] { return Reading{fmt::format("{}\n", functions_.size())}; },
        [this](std::string_view data, const Answer& answer) {
          const auto number = parse_kernel_number(data);
          // The shipped driver has no sriov_configure, for which the PCI core returns ENOENT.
          const int error = !number ? EINVAL : is_shipped() ? ENOENT : enable_functions(*number);
          answer(error != 0 ? -error : static_cast<int>(data.size()));
        });
    enable_functions(settings_.functions_enabled);
  }

  void add(std::uint64_t index) {
    Kernfs& files = kernel_.files;
    auto made = std::make_unique<Function>();
    Function& function = *made;
    function.name = address(index);
    function.parent = this;
    function.isolated = true;
    const std::string home = fmt::format("devices/pci{}/{}", settings_.name.substr(0, 7), function.name);
    function.directory = files.directories(Kernfs::root, home);
    functions_.push_back(std::move(made));
    kernel_.devices.emplace(function.name, &function);
    const NodeId bus = files.directories(Kernfs::root, "bus/pci");
    files.link(function.directory, "subsystem", bus);
    files.link(files.directory(bus, "devices"), function.name, function.directory);
    const NodeId driver = kernel_.driver_directory("bus/pci", settings_.driver);
    files.link(function.directory, "driver", driver);
    files.link(driver, function.name, function.directory);
    files.link(function.directory, "physfn", directory_);
    files.link(directory_, fmt::format("virtfn{}", index), function.directory);
    files.constant(function.directory, "vendor", fmt::format("0x{}\n", settings_.pci->vendor));
    files.constant(function.directory, "device", fmt::format("0x{}\n", settings_.pci->device));
    files.constant(function.directory, "class", "0x030200\n");
    kernel_.events.emit("add", files.path_of(function.directory), "pci");
    kernel_.attach(function, std::nullopt, Era::v6_1);
    add_nvidia_files(function);
    kernel_.events.emit("bind", files.path_of(function.directory), "pci", {{"DRIVER", settings_.driver}});
  }

  void remove_last() {
    Kernfs& files = kernel_.files;
    Function& function = *functions_.back();
    if (function.type != nullptr) {
      capacity_.give_back(function.type->id);
    }
    kernel_.detach(function, Era::v6_1);
    kernel_.events.emit("remove", files.path_of(function.directory), "pci");
    files.remove(*files.walk("bus/pci/devices"), function.name);
    files.remove(*files.walk("bus/pci/drivers/" + settings_.driver), function.name);
    files.remove(directory_, fmt::format("virtfn{}", functions_.size() - 1));
    files.remove(function.directory);
    kernel_.devices.erase(function.name);
    functions_.pop_back();
  }

  void add_nvidia_files(Function& function) {
    Kernfs& files = kernel_.files;
    const NodeId directory = files.directory(function.directory, "nvidia");
    files.attribute(directory, "creatable_vgpu_types", 0444,
                    [this, &function] { return Reading{creatable(function)}; });
    files.attribute(
        directory, "current_vgpu_type", 0644,
        [&function] { return Reading{(function.type == nullptr ? "0" : function.type->id) + "\n"}; },
        [this, &function](std::string_view data, const Answer& answer) {
          write_type(function, data, answer);
        });
    if (!is_shipped()) {
      return;
    }
    for (const char* name : {"gpu_instance_id", "placement_id"}) {
      files.attribute(directory, name, 0444, [&function] {
        return function.type == nullptr ? Reading{{}, ENXIO} : Reading{"0\n"};
      });
    }
    files.attribute(
        directory, "vgpu_params", 0644, [&function] { return Reading{function.parameters}; },
        [this, &function](std::string_view data, const Answer& answer) {
          const auto strike = kernel_.trouble.strike(Operation::attribute, "vgpu_params");
          if (strike) {
            return answer(-strike->error);
          }
          function.parameters = data;
          answer(static_cast<int>(data.size()));
        });
  }

  // Returns the types that can be created on this VF now.
  std::string creatable(const Function& function) const {
    const bool any = std::any_of(functions_.begin(), functions_.end(),
                                 [](const auto& one) { return one->type != nullptr; });
    std::string text = is_shipped() || !any ? "ID    : vGPU Name\n" : "";
    if (function.type != nullptr) {
      return is_shipped() ? text : std::string{};
    }
    for (const SimType& type : settings_.types) {
      if (capacity_.left(type.id) > 0) {
        text += fmt::format("{:<5} : {}\n", type.id, type.name);
      }
    }
    return text;
  }

  void take(Function& function, const SimType& type) {
    capacity_.take(type.id);
    function.type = &type;
    function.was_used = false;
  }

  void release(Function& function) {
    capacity_.give_back(function.type->id);
    function.type = nullptr;
    function.parameters.clear();
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

  // Returns for how long the driver is busy after the device was closed.
  Time linger(const Function& function) const {
    return is_shipped() && function.was_used && !kernel_.is_open(function) ? settings_.linger : Time{0};
  }

  int clear(Function& function, bool late) {
    if (is_shipped()) {
      if (function.type == nullptr || kernel_.is_open(function)) {
        return EPERM;
      }
      if (late) {
        function.was_used = false;
        return EBUSY;
      }
    } else if (kernel_.is_open(function)) {
      return EBUSY;
    }
    if (function.type != nullptr) {
      release(function);
    }
    return 0;
  }

  int set(Function& function, std::int64_t number) {
    const std::string id = std::to_string(number);
    const auto& types = settings_.types;
    const auto type =
        std::find_if(types.begin(), types.end(), [&](const SimType& one) { return one.id == id; });
    if (is_shipped()) {
      if (function.type != nullptr) {
        return EPERM;
      }
      if (type == types.end() || !capacity_.fits(id)) {
        return EIO;  // the resource manager reports every refusal as EIO
      }
      take(function, *type);
      return 0;
    }
    if (kernel_.is_open(function)) {
      return EBUSY;
    }
    if (type == types.end()) {
      return ENODEV;
    }
    plan::Capacity without = capacity_;
    if (function.type != nullptr) {
      without.give_back(function.type->id);
    }
    if (!without.fits(id)) {
      return without.is_shut_out(id) ? EINVAL : ENOSPC;
    }
    if (function.type != nullptr) {
      release(function);
    }
    take(function, *type);
    return 0;
  }

  std::vector<std::unique_ptr<Function>> functions_;
};

}  // namespace

std::unique_ptr<Provider> make_functions(Kernel& kernel, const SimParent& settings) {
  return std::make_unique<FunctionParent>(kernel, settings);
}

}  // namespace mdevadm::sim
