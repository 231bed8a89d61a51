#include <mdevadm/sim/machine.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/util/text.hpp>

#include "kernel.hpp"

namespace mdevadm::sim {

namespace {

constexpr Time grant{1000};  // time to open the node after permission was granted

std::unique_ptr<Provider> make_provider(Kernel& kernel, const SimParent& settings) {
  const bool is_mainline = settings.interface->layout == Layout::typed && !settings.interface->is_proposal();
  if (is_mainline && settings.bus == "css") {
    return make_subchannel(kernel, settings);
  }
  if (is_mainline && settings.has_switches) {
    return make_pci_parent(kernel, settings);
  }
  switch (settings.interface->layout) {
    case Layout::flat: return make_flat(kernel, settings);
    case Layout::functions: return make_functions(kernel, settings);
    default: return make_typed(kernel, settings);
  }
}

}  // namespace

Machine::Machine(Scenario scenario, Nodes& nodes)
    : scenario_(std::move(scenario)), kernel_(std::make_unique<Kernel>(scenario_, nodes)) {
  for (const SimParent& parent : scenario_.parents) {
    providers_.push_back(make_provider(*kernel_, parent));
    providers_.back()->appear();
  }
  // Faults and delays do not apply to devices that exist from the beginning.
  Trouble trouble;
  std::swap(kernel_->trouble, trouble);
  std::map<std::string_view, Provider*> by_name;
  for (const auto& provider : providers_) {
    by_name.emplace(provider->settings().name, provider.get());
  }
  for (const SimDevice& device : scenario_.devices) {
    by_name.at(device.parent)->preset(device);
  }
  std::swap(kernel_->trouble, trouble);
  make_control_files();
}

Machine::~Machine() = default;

Kernfs& Machine::files() {
  return kernel_->files;
}

Reading Machine::read(NodeId attribute) {
  const File* file = kernel_->files.get(attribute);
  if (file == nullptr || !file->show) {
    return {{}, file == nullptr ? ENODEV : EIO};
  }
  if (const auto strike = kernel_->trouble.strike(Operation::read, file->name)) {
    return {{}, strike->error};
  }
  return file->show();
}

void Machine::write(NodeId attribute, std::string_view data, const Answer& answer) {
  const File* file = kernel_->files.get(attribute);
  if (file == nullptr || !file->store) {
    return answer(file == nullptr ? -ENODEV : -EIO);
  }
  const Store store = file->store;  // a copy, because the write may remove the file
  store(data.substr(0, page_size), answer);
}

void Machine::proceed(Time now) {
  kernel_->time.proceed(now);
  kernel_->look_for_closed();
}

std::optional<Time> Machine::next() const {
  return kernel_->time.next();
}

std::vector<std::string> Machine::awaited_nodes() const {
  std::vector<std::string> names;
  for (const Kernel::Waiting& waiting : kernel_->waiting) {
    names.push_back(kernel_->node_of(*waiting.device));
    if (kernel_->cdev && waiting.device->number) {
      names.push_back(fmt::format("devices/vfio{}", *waiting.device->number));
    }
  }
  return names;
}

int Machine::open(std::string_view device_name, const std::string& user) {
  const auto found = kernel_->devices.find(device_name);
  if (found == kernel_->devices.end() || found->second->directory == 0) {
    return ENODEV;
  }
  Assignable& device = *found->second;
  const auto entry = kernel_->groups.find(device.group);
  if (entry == kernel_->groups.end()) {
    return ENODEV;
  }
  const std::string holder = kernel_->user_of(entry->second);
  if (!holder.empty() && holder != user) {
    return EBUSY;
  }
  if (holder.empty()) {
    for (Assignable* member : entry->second.members) {
      member->user.clear();
    }
  }
  if (const int refused = device.parent->admit(device, user)) {
    return refused;
  }
  device.user = user;
  device.granted_until = kernel_->time.now() + grant;
  return 0;
}

std::optional<std::string> Machine::node_of(std::string_view device) const {
  const auto found = kernel_->devices.find(device);
  return found == kernel_->devices.end() ? std::nullopt : std::optional(kernel_->node_of(*found->second));
}

std::string Machine::events() const {
  return kernel_->events.text();
}

std::vector<std::string> Machine::take_uevents() {
  return kernel_->events.take();
}

Provider* Machine::provider(std::string_view name) {
  const auto found = std::find_if(providers_.begin(), providers_.end(),
                                  [&](const auto& one) { return one->settings().name == name; });
  return found == providers_.end() ? nullptr : found->get();
}

int Machine::control(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(trim(line), ' ')) {
    if (!word.empty()) {
      words.push_back(word);
    }
  }
  return words.empty() ? EINVAL : control_words(words);
}

int Machine::control_words(const std::vector<std::string_view>& words) {
  const std::string_view verb = words.front();
  const auto number = [&](std::size_t at) {
    return at < words.size() ? parse_decimal(words[at]) : std::nullopt;
  };
  if (verb == "hold" && words.size() == 3) {
    return open(words[1], std::string(words[2]));
  }
  if (verb == "opened" && words.size() == 2) {
    const auto found = kernel_->devices.find(words[1]);
    if (found == kernel_->devices.end()) {
      return ENODEV;
    }
    found->second->granted_until = Time{-1};
    return 0;
  }
  if (verb == "clear" && words.size() == 1) {
    kernel_->trouble.clear();
    return 0;
  }
  if (verb == "delay" && words.size() == 3) {
    const auto operation = find_operation(words[1]);
    if (!operation || !number(2)) {
      return EINVAL;
    }
    kernel_->trouble.set_delay(*operation, Time(*number(2)));
    return 0;
  }
  if (verb == "fault" && (words.size() == 4 || words.size() == 5)) {
    const auto operation = find_operation(words[1]);
    const auto error = find_errno(words[3]);
    const bool vanish = words[3] == "vanish";
    if (!operation || !number(2) || (!error && !vanish)) {
      return EINVAL;
    }
    kernel_->trouble.add({*operation, *number(2), error.value_or(0), vanish,
                          words.size() == 5 ? std::string(words[4]) : std::string{}});
    return 0;
  }
  if (verb == "reboot" && words.size() == 1) {
    return reboot();
  }
  if (verb == "load" && words.size() == 2) {
    return load(words[1]);
  }
  Provider* parent = words.size() > 1 ? provider(words[1]) : nullptr;
  if (parent == nullptr) {
    constexpr std::array verbs{"unregister", "register", "functions", "vgpud",
                               "mig",        "instance", "mixed",     "client"};
    return std::find(verbs.begin(), verbs.end(), verb) != verbs.end() ? ENODEV : EINVAL;
  }
  if (verb == "unregister" && words.size() == 2) {
    parent->withdraw();
    return 0;
  }
  if (verb == "register" && words.size() == 2) {
    if (parent->is_present()) {
      return EBUSY;
    }
    parent->appear();
    return 0;
  }
  if (verb == "functions" && words.size() == 3 && number(2)) {
    return parent->enable_functions(*number(2));
  }
  std::vector<std::string_view> rest{verb};
  rest.insert(rest.end(), words.begin() + 2, words.end());
  return parent->request(rest);
}

// Loads a module for all parents that need it.
int Machine::load(std::string_view module) {
  int result = ENOENT;
  for (const auto& provider : providers_) {
    result = provider->load(module) == 0 ? 0 : result;
  }
  return result;
}

// Nothing may be in use: the processes of the simulated host are real and do not end.
int Machine::reboot() {
  for (const auto& [name, device] : kernel_->devices) {
    if (kernel_->is_open(*device)) {
      return EBUSY;
    }
  }
  for (const auto& provider : providers_) {
    if (const int error = provider->reboot()) {
      return error;
    }
  }
  return 0;
}

void Machine::make_control_files() {
  Kernfs& files = kernel_->files;
  const NodeId directory = files.directories(Kernfs::root, "kernel/mdevsim");
  files.attribute(directory, "control", 0200, {}, [this](std::string_view data, const Answer& answer) {
    const int error = control(data);
    answer(error != 0 ? -error : static_cast<int>(data.size()));
  });
  files.attribute(directory, "events", 0444, [this] { return Reading{events()}; });
  files.attribute(directory, "log", 0444, [this] { return Reading{kernel_->log()}; });
  files.constant(directory, "description", scenario_.description + "\n");
}

}  // namespace mdevadm::sim
