#include "css.hpp"

#include "kernel.hpp"

namespace mdevadm::sim {

namespace {

constexpr const char* css_bus = "bus/css";

}  // namespace

Subchannel* CssBus::find(std::string_view data) {
  const auto found = subchannels_.find(without_newline(data));
  return found == subchannels_.end() ? nullptr : found->second;
}

void CssBus::add(Subchannel& subchannel) {
  Kernfs& files = kernel_.files;
  const NodeId bus = files.directories(Kernfs::root, css_bus);
  if (!files.find(bus, "drivers_probe")) {
    files.attribute(bus, "drivers_probe", 0200, {}, [this](std::string_view data, const Answer& answer) {
      Subchannel* found = find(data);
      if (found == nullptr) {
        return answer(-ENODEV);
      }
      attach(*found);
      answer(static_cast<int>(data.size()));
    });
    make_driver(io_subchannel);
  }
  subchannels_[subchannel.name] = &subchannel;
  files.attribute(
      subchannel.directory, "driver_override", 0644,
      [&subchannel] {
        return Reading{(subchannel.driver_override.empty() ? "(null)" : subchannel.driver_override) + "\n"};
      },
      [&subchannel](std::string_view data, const Answer& answer) {
        subchannel.driver_override = without_newline(data);
        answer(static_cast<int>(data.size()));
      });
}

void CssBus::load_vfio_ccw() {
  if (kernel_.files.walk(std::string(css_bus) + "/drivers/" + vfio_ccw)) {
    return;
  }
  make_driver(vfio_ccw);
  for (const auto& [name, subchannel] : subchannels_) {
    if (subchannel->driver.empty() && subchannel->driver_override == vfio_ccw) {
      attach(*subchannel);
    }
  }
}

// An override excludes all other drivers, but does not replace the match of the subchannel's type.
bool CssBus::matches(const Subchannel& subchannel, const std::string& driver) const {
  return subchannel.is_io && (subchannel.driver_override.empty() || subchannel.driver_override == driver);
}

int CssBus::bind(Subchannel& subchannel, const std::string& driver) {
  Kernfs& files = kernel_.files;
  const auto directory = files.walk(std::string(css_bus) + "/drivers/" + driver);
  if (!directory) {
    return ENODEV;
  }
  if (const int error = subchannel.probe(driver)) {
    return error;
  }
  subchannel.driver = driver;
  files.link(subchannel.directory, "driver", *directory);
  files.link(*directory, subchannel.name, subchannel.directory);
  kernel_.events.emit("bind", files.path_of(subchannel.directory), "css", {{"DRIVER", driver}});
  return 0;
}

void CssBus::unbind(Subchannel& subchannel, const std::function<void()>& then) {
  if (subchannel.driver.empty()) {
    return then();
  }
  subchannel.release(subchannel.driver, [this, &subchannel, then] {
    Kernfs& files = kernel_.files;
    if (const auto directory = files.walk(std::string(css_bus) + "/drivers/" + subchannel.driver)) {
      files.remove(*directory, subchannel.name);
    }
    files.remove(subchannel.directory, "driver");
    subchannel.driver.clear();
    kernel_.events.emit("unbind", files.path_of(subchannel.directory), "css");
    then();
  });
}

void CssBus::attach(Subchannel& subchannel) {
  for (const char* driver : {io_subchannel, vfio_ccw}) {
    if (subchannel.driver.empty() && matches(subchannel, driver) && bind(subchannel, driver) == 0) {
      return;
    }
  }
}

void CssBus::make_driver(const std::string& driver) {
  const NodeId directory = kernel_.driver_directory(css_bus, driver);
  kernel_.files.attribute(
      directory, "bind", 0200, {},
      [this, driver](std::string_view data, const Answer& answer) { write_bind(driver, data, answer); });
  kernel_.files.attribute(directory, "unbind", 0200, {},
                          [this, driver](std::string_view data, const Answer& answer) {
                            Subchannel* found = find(data);
                            if (found == nullptr || found->driver != driver) {
                              return answer(-ENODEV);
                            }
                            unbind(*found, [answer, size = data.size()] { answer(static_cast<int>(size)); });
                          });
}

void CssBus::write_bind(const std::string& driver, std::string_view data, const Answer& answer) {
  Subchannel* found = find(data);
  if (found == nullptr || !matches(*found, driver)) {
    return answer(-ENODEV);
  }
  const bool reports_probe = kernel_.version >= KernelVersion{5, 14};  // before: ENODEV for all refusals
  if (!found->driver.empty()) {
    return answer(reports_probe ? -EBUSY : -ENODEV);
  }
  const auto strike = kernel_.trouble.strike(Operation::bind);
  const int error = strike ? strike->error : bind(*found, driver);
  answer(error == 0 ? static_cast<int>(data.size()) : reports_probe ? -error : -ENODEV);
}

}  // namespace mdevadm::sim
