#include <mdevadm/run/monitor.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/sys/read_failure.hpp>
#include <mdevadm/sys/uevents.hpp>
#include <set>
#include <string_view>

#include "chore.hpp"
#include "monitor_files.hpp"
#include "next_look.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds between_use_checks{60};
constexpr std::chrono::seconds between_type_checks{30};
constexpr std::chrono::seconds between_checks_of_lingering{1};
// After the host could not be listed.
constexpr std::chrono::seconds until_next_attempt{1};
// From the creation of a device until its users are searched, so that many creations need one search.
constexpr milliseconds use_after_creation{200};
// A command that changes several files is given this time until all are written; it is asked in between.
constexpr milliseconds longest_change{500};
constexpr milliseconds between_looks_at_change{10};

// The parent of the devices in a directory; the directory can be that of a virtual function of the parent.
struct DeviceOwner {
  ParentName parent;
  std::string vf{};
};

std::map<std::string, WatchedDevice> devices_in(const Snapshot& seen) {
  std::map<std::string, WatchedDevice> devices;
  for (const auto* list : {&seen.devices, &seen.removing}) {
    for (const Device& device : *list) {
      WatchedDevice& entry = devices
                                 .emplace(device.path, WatchedDevice{.uuid = device.uuid,
                                                                     .parent = device.parent,
                                                                     .type = device.type,
                                                                     .vf = device.vf,
                                                                     .removing = list == &seen.removing})
                                 .first->second;
      for (const Node& node : device.nodes) {
        entry.nodes.push_back(node.path);
      }
    }
  }
  return devices;
}

class HostMonitor {
 public:
  HostMonitor(const Effects& effects, const std::function<void(const std::string&)>& warn)
      : effects_(effects),
        warn_(warn),
        uevents_(sys::UeventMonitor::open().or_throw("cannot receive the kernel's messages about devices")) {
    files_.watch_machines();
    files_.watch_node_directories();
    read_store();
    list();
    search_users();
    events_.clear();
    has_begun_ = true;
  }

  const Watched& state() const { return state_; }
  WatchEvents take() { return std::exchange(events_, {}); }

  // Waits for changes, or for the reader's descriptor, at most until `deadline`.
  void wait(const sys::SignalGate& gate, pollfd& reader, Moment deadline) {
    std::vector<pollfd> all{{.fd = uevents_.descriptor(), .events = POLLIN, .revents = 0},
                            {.fd = files_.descriptor(), .events = POLLIN, .revents = 0},
                            reader};
    for (const auto& [pid, process] : processes_) {
      all.push_back({.fd = process.get(), .events = POLLIN, .revents = 0});
    }
    for (const Chore* chore : {&listing_, &store_, &use_}) {
      keep_earlier(deadline, chore->due());
    }
    for (const auto& [path, look] : looks_) {
      keep_earlier(deadline, look.due);
    }
    using Patience = std::optional<std::chrono::nanoseconds>;
    gate.poll(all, deadline ? Patience(*deadline - MonitorClock::now()) : std::nullopt);
    reader.revents = all[2].revents;
    has_uevents_ = all[0].revents != 0;
    if (all[1].revents != 0) {
      read_files();
    }
    if (std::any_of(all.begin() + 3, all.end(), [](const pollfd& one) { return one.revents != 0; })) {
      use_.request();
      processes_.clear();  // those that still run are watched again by the search
    }
  }

  // Turns what has happened into events.
  void proceed() {
    // The rest is read in the next round, after the events of these have been passed on.
    constexpr std::size_t most = 1000;
    if (std::exchange(has_uevents_, false) && !read_uevents(most)) {
      list();
    }
    look_at_starting();
    store_.run_if_due([this] { read_store(); });
    listing_.run_if_due([this] { list(); });
    use_.run_if_due([this] { search_users(); });
    drop_nodes();
  }

 private:
  void emit(WatchEvents events) {
    for (WatchEvent& event : events) {
      event.time = std::chrono::system_clock::now();
      has_removals_ = has_removals_ || event.kind == WatchKind::device_removed;
      events_.push_back(std::move(event));
    }
  }

  // Reads at most `most` messages. Returns false if messages were lost: then none waits, and the host must be
  // listed.
  bool read_uevents(std::size_t most) {
    for (std::size_t i = 0; i < most; ++i) {
      const sys::Result<std::optional<sys::Uevent>> event = uevents_.next();
      if (!event && event.error().number == ENOBUFS) {
        emit({{.kind = WatchKind::events_lost}});
        state_.starting.clear();
        looks_.clear();
        return false;
      }
      if (!event) {
        sys::throw_error(event.error(), "cannot receive the kernel's messages about devices");
      }
      if (!*event) {
        return true;
      }
      if (!(*event)->synthetic) {
        try {
          handle(**event);
        } catch (const Error& error) {
          warn_once(listing_problem_, error.what());
          listing_.request(until_next_attempt);
        }
      }
    }
    return true;
  }

  void handle(const sys::Uevent& event) {
    constexpr std::array of_parents{"pci", "css", "matrix", "module", "drivers", "bus"};
    if (event.subsystem == "mdev") {
      handle_device(event);
    } else if (!event.mdev_state.empty()) {
      handle_parent(event);
    } else if (std::find(of_parents.begin(), of_parents.end(), event.subsystem) != of_parents.end() ||
               (!event.subsystem.starts_with("vfio") && is_of_parent(event.path))) {
      listing_.request();
    }
  }

  // Kernels before 5.3 do not say that a parent registers itself.
  bool is_of_parent(const std::string& path) const {
    const auto name = ParentName::parse(path.substr(path.rfind('/') + 1));
    const sys::Result<sys::Dir> directory = sys::Dir::open("/sys" + path);
    return (name && state_.parents.contains(*name)) ||
           (directory && directory->exists("mdev_supported_types"));
  }

  // A virtual function that registers itself is a part of its GPU.
  void handle_parent(const sys::Uevent& event) {
    const auto parent = ParentName::parse(event.path.substr(event.path.rfind('/') + 1));
    if (parent && !effects_.host.gpu_of(*parent)) {
      note_report(reported_parents_, *parent);
      emit(event.mdev_state == "registered" ? register_parent(state_, *parent)
                                            : unregister_parent(state_, *parent));
    }
    listing_.request();
  }

  template <typename Name>
  void note_report(std::set<Name>& reported, const Name& name) const {
    if (is_listing_) {
      reported.insert(name);
    }
  }

  void handle_device(const sys::Uevent& event) {
    const std::string path = "sys" + event.path;
    note_report(reported_devices_, path);
    if (event.action == "remove") {
      emit(remove_device(state_, path));
      looks_.erase(path);
    } else if (event.action == "add") {
      const std::optional<WatchedDevice> device = skeleton(event.path);
      // Interfaces without directories of types have other names and other moments.
      if (device) {
        begin_device(state_, path, *device);
        looks_.try_emplace(path);
      } else {
        listing_.request();
      }
    } else if (event.action == "bind") {
      bind_device(state_, path);
      if (is_unsettled(state_, path)) {
        looks_[path].bind(MonitorClock::now());
      } else if (!state_.devices.contains(path)) {
        listing_.request();
      }
    } else {
      listing_.request();
    }
  }

  // Returns what the path of a new device shows.
  std::optional<WatchedDevice> skeleton(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const auto uuid = Uuid::parse(path.substr(slash + 1));
    const std::string directory_path = path.substr(0, slash);
    const auto parent = ParentName::parse(directory_path.substr(directory_path.rfind('/') + 1));
    if (!uuid || !parent) {
      return std::nullopt;
    }
    auto known = owners_.find(directory_path);
    if (known == owners_.end()) {
      const sys::Result<sys::Dir> directory = sys::Dir::open("/sys" + directory_path);
      const std::optional<ParentName> gpu = effects_.host.gpu_of(*parent);
      const DeviceOwner owner{gpu.value_or(*parent), gpu ? parent->str() : std::string{}};
      // With some interfaces the directory with the types is not the parent.
      const bool has_types =
          directory && directory->exists("mdev_supported_types") && state_.parents.contains(owner.parent);
      known = owners_.emplace(directory_path, has_types ? std::optional(owner) : std::nullopt).first;
    }
    return known->second ? std::optional(WatchedDevice{
                               .uuid = *uuid, .parent = known->second->parent, .vf = known->second->vf})
                         : std::nullopt;
  }

  void look_at_starting() {
    const auto now = MonitorClock::now();
    for (auto place = looks_.begin(); place != looks_.end();) {
      auto& [path, look] = *place;
      if (look.due > now) {
        ++place;
        continue;
      }
      const bool is_last = look.is_last(now);
      std::optional<WatchedDevice> seen;
      try {
        seen = effects_.host.device_at(path);
        if (seen && !seen->type && is_last) {
          seen->type = type_in_record(*seen);
        }
      } catch (const Error& error) {
        warn_once(error.what());
        look.due = now + until_next_attempt;
        ++place;
        continue;
      }
      emit(settle_device(state_, path, seen, is_last));
      look.put_off(now);
      if (const auto created = state_.devices.find(path); created != state_.devices.end()) {
        watch_nodes(created->second);
        use_.request(use_after_creation);
      }
      place = !is_last && is_unsettled(state_, path) ? std::next(place) : looks_.erase(place);
    }
  }

  // Some interfaces do not report types, but a start has stored it.
  std::optional<TypeName> type_in_record(const WatchedDevice& device) const {
    const Records known = effects_.store.load_records({device.uuid});
    const Record* record = known.find(device.uuid);
    return record != nullptr && record->parent == device.parent ? std::optional(record->type) : std::nullopt;
  }

  // Ends the watches of the nodes of removed devices.
  void drop_nodes() {
    if (std::exchange(has_removals_, false)) {
      files_.keep_nodes(state_.devices);
    }
  }

  void watch_nodes(const WatchedDevice& device) {
    for (const std::string& node : device.nodes) {
      files_.watch_node(node);
    }
  }

  void watch_missing_nodes() {
    drop_nodes();  // a new device may have a node of the same name
    for (const auto& [path, device] : state_.devices) {
      if (!std::all_of(device.nodes.begin(), device.nodes.end(),
                       [&](const std::string& node) { return files_.watches_node(node); })) {
        watch_nodes(device);
        use_.request(use_after_creation);
      }
    }
  }

  void read_files() {
    const MonitorFiles::Changes changes = files_.read();
    if (changes.machines) {
      files_.watch_machines();
    }
    if (changes.nodes) {
      files_.watch_node_directories();
      watch_missing_nodes();
    }
    if (changes.store) {
      store_.request(milliseconds(5));  // a change is several notifications
    }
    if (changes.devices) {
      listing_.request();
    }
    if (changes.use) {
      use_.request();
    }
  }

  void read_store() {
    files_.watch_store();
    try {
      std::map<std::pair<ParentName, Uuid>, Definition> definitions;
      const Definitions loaded = load_definitions(effects_);
      // Commands write a definition before the group that it joins: read before the groups, it would be
      // reported without its group.
      if (has_begun_ && effects_.store.is_locked() && wait_for_change()) {
        return;
      }
      change_.reset();
      for (const Definition& definition : loaded.all) {
        definitions.emplace(std::pair(definition.parent, definition.uuid), definition);
      }
      std::map<GroupName, Group> groups;
      for (const Group& group : effects_.store.load_groups().all) {
        groups.emplace(group.name, group);
      }
      emit(replace_store(state_, definitions, groups, broken_of(loaded)));
      problem_.clear();
    } catch (const Error& error) {
      warn_once(error.what());
      if (sys::is_read_failure(error.number())) {
        store_.request(until_next_attempt);
      }
    }
  }

  // Returns false if the change takes too long to wait for.
  bool wait_for_change() {
    const auto now = MonitorClock::now();
    change_ = change_.value_or(now);
    if (now - *change_ > longest_change) {
      return false;
    }
    store_.request(between_looks_at_change);
    return true;
  }

  void warn_once(const std::string& problem) { warn_once(problem_, problem); }
  void warn_once(std::string& last, const std::string& problem) const {
    if (std::exchange(last, problem) != problem) {
      warn_(problem);
    }
  }

  // A directory of the kernel, or definitions, which name vGPUs on virtual functions, may be unreadable for
  // some time: then returns nullopt. Throws Error at the beginning.
  std::optional<Snapshot> observe() {
    try {
      Snapshot seen = observe_host(
          effects_,
          {Facet::parents | Facet::devices | Facet::nodes | Facet::iommu_group, std::nullopt, std::nullopt});
      listing_problem_.clear();
      return seen;
    } catch (const Error& error) {
      if (!has_begun_) {
        throw;
      }
      warn_once(listing_problem_, error.what());
      return std::nullopt;
    }
  }

  // Returns why files can no longer be used, by the definitions that they had.
  std::map<std::pair<ParentName, Uuid>, std::string> broken_of(const Definitions& loaded) const {
    std::map<std::pair<ParentName, Uuid>, std::string> broken;
    for (const auto& [key, definition] : state_.definitions) {
      const std::string path = loaded.broken.empty() ? std::string{} : effects_.store.path_of(definition);
      const auto found = std::find_if(loaded.broken.begin(), loaded.broken.end(),
                                      [&](const FileProblem& one) { return one.path == path; });
      if (found != loaded.broken.end()) {
        broken.emplace(key, found->str());
      }
    }
    return broken;
  }

  // Messages that were sent during the listing or before are in the socket now. They are read first, and what
  // they are about is not taken from the listing: that keeps the order of events.
  void list() {
    std::optional<Snapshot> seen;
    is_listing_ = true;
    do {
      seen = observe();
      reported_devices_.clear();
      reported_parents_.clear();
    } while (!read_uevents(std::numeric_limits<std::size_t>::max()));
    is_listing_ = false;
    if (seen) {
      apply_listing(*seen);
    } else {
      listing_.request(until_next_attempt);
    }
  }

  void apply_listing(const Snapshot& seen) {
    std::set<ParentName> parents;
    for (const Parent& parent : seen.parents) {
      parents.insert(parent.name);
    }
    for (const ParentName& parent : reported_parents_) {
      parents.erase(parent);
      if (state_.parents.contains(parent)) {
        parents.insert(parent);
      }
    }
    std::map<std::string, WatchedDevice> devices = devices_in(seen);
    for (const std::string& path : reported_devices_) {
      devices.erase(path);
      if (const auto known = state_.devices.find(path); known != state_.devices.end()) {
        devices.insert(*known);
      }
    }
    owners_.clear();
    emit(replace_parents(state_, parents));
    emit(replace_devices(state_, devices));
    for (const auto& [path, device] : state_.starting) {
      looks_.try_emplace(path);
    }
    watch_missing_nodes();
    std::set<std::string> functions;
    for (const auto& [address, parent] : seen.functions) {
      functions.insert(address);
    }
    files_.watch_types(functions);
    if (!functions.empty()) {
      listing_.request(between_type_checks);
    }
  }

  // Users may be unknown for some time, too.
  std::optional<DeviceUse> find_use() {
    try {
      DeviceUse use = effects_.host.find_use(state_.devices);
      use_problem_.clear();
      return use;
    } catch (const Error& error) {
      if (!has_begun_) {
        throw;
      }
      warn_once(use_problem_, error.what());
      return std::nullopt;
    }
  }

  void search_users() {
    const std::optional<DeviceUse> found = find_use();
    if (!found) {
      use_.request(until_next_attempt);
      return;
    }
    const DeviceUse& use = *found;
    emit(apply_use(state_, use));
    if (use.unseen_processes > 0 && !std::exchange(has_warned_, true)) {
      warn_(fmt::format(
          "cannot inspect {} processes (not root?): the devices that they use are reported as not in use",
          use.unseen_processes));
    }
    if (!files_.is_complete() && !std::exchange(has_warned_of_limit_, true)) {
      warn_(
          "the limit of inotify watches is reached: some events are late or missing; to raise it: sysctl "
          "fs.inotify.max_user_watches=N");
    }
    std::map<int, sys::UniqueFd> processes;
    bool has_nodes = false;
    for (const auto& [path, device] : state_.devices) {
      has_nodes = has_nodes || !device.nodes.empty();
      for (const Holder& user : device.users) {
        const auto known = processes_.find(user.pid);
        processes.emplace(
            user.pid, known != processes_.end() ? std::move(known->second) : sys::watch_process(user.pid));
      }
    }
    std::erase_if(processes, [](const auto& entry) { return !entry.second; });
    processes_ = std::move(processes);
    if (has_nodes) {
      use_.request(has_lingering_users(state_, use) ? between_checks_of_lingering : between_use_checks);
    }
  }

  const Effects& effects_;
  const std::function<void(const std::string&)>& warn_;
  sys::UeventMonitor uevents_;
  MonitorFiles files_{};
  Watched state_{};
  WatchEvents events_{};
  Chore listing_{};
  Chore store_{};
  Chore use_{};
  Moment change_{};  // since when another process has been changing definitions
  std::map<std::string, NextLook> looks_{};
  std::map<int, sys::UniqueFd> processes_{};  // users of devices
  // The parents of devices by their directories; nullopt: their devices are found by listing.
  std::map<std::string, std::optional<DeviceOwner>> owners_{};
  // What messages were about that were read after the listing.
  bool is_listing_ = false;
  std::set<std::string> reported_devices_{};
  std::set<ParentName> reported_parents_{};
  bool has_uevents_ = false;
  bool has_removals_ = false;  // of devices, since their nodes were no longer watched
  bool has_begun_ = false;
  // Problems as they were said last: with the definitions, with the listing, with users.
  std::string problem_{};
  std::string listing_problem_{};
  std::string use_problem_{};
  bool has_warned_ = false;
  bool has_warned_of_limit_ = false;
};

}  // namespace

MonitorEnd monitor_host(const Effects& effects, MonitorReader& reader,
                        std::optional<std::chrono::milliseconds> timeout,
                        const std::function<void(const std::string&)>& warn) {
  const Moment deadline = timeout ? Moment(MonitorClock::now() + *timeout) : std::nullopt;
  const sys::SignalGate gate;
  HostMonitor monitor(effects, warn);
  reader.begin(monitor.state());
  while (!reader.is_done(monitor.state())) {
    if (sys::interrupted()) {
      return MonitorEnd::interrupted;
    }
    if (deadline && MonitorClock::now() >= *deadline) {
      return MonitorEnd::timed_out;
    }
    pollfd descriptor = reader.interest();
    monitor.wait(gate, descriptor, deadline);
    monitor.proceed();
    if (const WatchEvents events = monitor.take(); !events.empty()) {
      reader.take(events, monitor.state());
    }
    if (descriptor.revents != 0 && !reader.serve(descriptor, monitor.state())) {
      return MonitorEnd::undeliverable;
    }
  }
  return MonitorEnd::done;
}

}  // namespace mdevadm
