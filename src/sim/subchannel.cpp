// Subchannels of IBM Z: with io_subchannel they have a channel device, with vfio_ccw they are parents.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>
#include <utility>

#include "kernel.hpp"

namespace mdevadm::sim {

namespace {

int bytes_of(std::string_view data) {
  return static_cast<int>(data.size());
}

class SubchannelParent final : public Provider {
 public:
  SubchannelParent(Kernel& kernel, const SimParent& settings)
      : Provider(kernel, settings), mdevs_(make_typed(kernel, settings)) {}

  // As when the module vfio_ccw is removed: the subchannel remains, without a driver.
  void withdraw() override {
    if (present_) {
      kernel_.css.unbind(channel_, [] {});
    }
  }

  void preset(const SimDevice& device) override {
    if (present_) {
      mdevs_->preset(device);
    }
  }

  int load(std::string_view module) override {
    if (module != vfio_ccw) {
      return EINVAL;
    }
    kernel_.css.load_vfio_ccw();
    return 0;
  }

  int reboot() override {
    kernel_.css.unbind(channel_, [] {});
    if (!channel_.driver.empty()) {
      return EBUSY;
    }
    channel_.driver_override.clear();
    online_ = settings_.subchannel.online;
    start();
    return 0;
  }

 private:
  bool is_bound_by_bus() const override { return true; }
  bool keeps_directory() const override { return true; }
  bool has_device() const { return settings_.subchannel.device != "none"; }

  std::string uevent() const {
    return fmt::format("{}ST={}\nMODALIAS=css:t{}\n",
                       channel_.driver.empty() ? "" : "DRIVER=" + channel_.driver + "\n",
                       settings_.subchannel.type, settings_.subchannel.type);
  }

  // Called again when the parent is registered after it was unregistered.
  void publish() override {
    Kernfs& files = kernel_.files;
    if (!channel_.name.empty()) {
      kernel_.css.unbind(channel_, [] {});
      std::ignore = kernel_.css.bind(channel_, vfio_ccw);
      return;
    }
    registered_ = present_ = false;
    channel_.name = settings_.name;
    channel_.directory = directory_;
    channel_.is_io = settings_.subchannel.type == 0;
    channel_.probe = [this](const std::string& driver) { return probe(driver); };
    channel_.release = [this](const std::string& driver, const std::function<void()>& then) {
      release(driver, then);
    };
    kernel_.css.add(channel_);
    if (settings_.loaded) {
      kernel_.css.load_vfio_ccw();
    }
    files.remove(directory_, "uevent");
    kernel_.add_uevent(directory_, "css", [this] { return uevent(); });
    files.constant(directory_, "type", fmt::format("{}\n", settings_.subchannel.type));
    files.constant(directory_, "modalias", fmt::format("css:t{}\n", settings_.subchannel.type));
    if (channel_.is_io) {
      files.constant(directory_, "chpids", "11 12 21 22 00 00 00 00 \n");
      files.constant(directory_, "pimpampom", "f0 f0 ff\n");
      if (kernel_.version >= KernelVersion{5, 15}) {
        files.constant(directory_, "dev_busid", settings_.subchannel.device + "\n");
      }
    }
    online_ = settings_.subchannel.online;
    start();
  }

  void start() {
    if (!settings_.bound.empty()) {
      std::ignore = kernel_.css.bind(channel_, settings_.bound);
    }
  }

  int probe(const std::string& driver) {
    Kernfs& files = kernel_.files;
    if (driver == io_subchannel) {
      files.constant(directory_, "vpm", "f0\n");
      files.attribute(directory_, "logging", 0200, {},
                      [](std::string_view data, const Answer& answer) { answer(bytes_of(data)); });
      if (has_device()) {
        make_device();
      }
      return 0;
    }
    if (settings_.subchannel.qdio) {
      kernel_.print("vfio: ccw: does not support QDIO: " + settings_.name);
      return ENODEV;
    }
    if (kernel_.version >= KernelVersion{6, 2}) {
      const NodeId child = files.directory(directory_, "parent");
      files.directory(child, "power");
      kernel_.add_uevent(child, "css", [] { return std::string{}; });
    }
    registered_ = present_ = true;
    mdevs_->appear_in(directory_, [this] {
      registered_ = present_ = false;
      kernel_.files.remove(directory_, "parent");
      if (const auto then = std::exchange(when_released_, {})) {
        then();
      }
    });
    return 0;
  }

  // Waits for devices in use.
  void release(const std::string& driver, const std::function<void()>& then) {
    if (driver == vfio_ccw) {
      when_released_ = then;
      mdevs_->withdraw();
      return;
    }
    remove_device();
    kernel_.files.remove(directory_, "vpm");
    kernel_.files.remove(directory_, "logging");
    online_ = false;
    then();
  }

  // Adds the channel device, such as a DASD.
  void make_device() {
    Kernfs& files = kernel_.files;
    const SubchannelSettings& about = settings_.subchannel;
    const NodeId device = files.directory(directory_, about.device);
    const NodeId bus = files.directories(Kernfs::root, "bus/ccw");
    files.link(files.directory(bus, "devices"), about.device, device);
    files.link(device, "subsystem", bus);
    files.directory(device, "power");
    kernel_.add_uevent(device, "ccw", [driver = about.driver] { return fmt::format("DRIVER={}\n", driver); });
    files.constant(device, "devtype", about.devtype + "\n");
    files.constant(device, "cutype", about.cutype + "\n");
    files.constant(device, "modalias", modalias(about));
    files.constant(device, "availability", "good\n");
    files.constant(device, "cmb_enable", "0\n");
    files.attribute(
        device, "online", 0644, [this] { return Reading{online_ ? "1\n" : "0\n"}; },
        [this](std::string_view data, const Answer& answer) {
          const auto number = parse_kernel_number(data, 16);
          const bool is_forced = data.starts_with("force");
          if (!is_forced && (!number || *number > 1)) {
            return answer(-EINVAL);
          }
          online_ = is_forced || *number == 1;
          answer(bytes_of(data));
        });
    const NodeId driver = kernel_.driver_directory("bus/ccw", about.driver);
    files.link(device, "driver", driver);
    files.link(driver, about.device, device);
    kernel_.events.emit("add", files.path_of(device), "ccw");
  }

  void remove_device() {
    Kernfs& files = kernel_.files;
    const SubchannelSettings& about = settings_.subchannel;
    const auto device = files.find(directory_, about.device);
    if (!device) {
      return;
    }
    kernel_.events.emit("remove", files.path_of(*device), "ccw");
    files.remove(*files.walk("bus/ccw/devices"), about.device);
    files.remove(*files.walk("bus/ccw/drivers/" + about.driver), about.device);
    files.remove(*device);
  }

  // "3990/e9", "3390/0c" become ccw:t3990mE9dt3390dm0C.
  static std::string modalias(const SubchannelSettings& about) {
    const auto part = [](const std::string& type, std::size_t from, std::size_t size) {
      return to_upper(std::string_view(type).substr(std::min(from, type.size()), size));
    };
    return fmt::format("ccw:t{}m{}dt{}dm{}\n", part(about.cutype, 0, 4), part(about.cutype, 5, 2),
                       part(about.devtype, 0, 4), part(about.devtype, 5, 2));
  }

  Subchannel channel_{};
  std::unique_ptr<Provider> mdevs_;
  std::function<void()> when_released_{};
  bool online_ = false;
};

}  // namespace

std::unique_ptr<Provider> make_subchannel(Kernel& kernel, const SimParent& settings) {
  return std::make_unique<SubchannelParent>(kernel, settings);
}

}  // namespace mdevadm::sim
