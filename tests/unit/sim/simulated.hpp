// A simulated machine without FUSE: tests access its files directly and set the time; nodes are a list.
#pragma once

#include <cerrno>
#include <mdevadm/sim/machine.hpp>
#include <optional>
#include <set>
#include <string>

namespace mdevadm::test {

class ListedNodes final : public sim::Nodes {
 public:
  dev_t appear(const std::string& name) override {
    there.insert(name);
    return ++last_;
  }
  void hide(const std::string& name) override { there.erase(name); }
  void vanish(const std::string& name) override {
    there.erase(name);
    open.erase(name);
  }
  bool is_open(const std::string& name) const override { return open.contains(name); }

  std::set<std::string> there;
  std::set<std::string> open;

 private:
  dev_t last_ = 0;
};

// Returns a shipped scenario.
inline sim::Scenario shipped(const std::string& name) {
  return sim::read_scenario(MDEVADM_SCENARIOS "/" + name + ".toml");
}

class Simulated {
 public:
  static constexpr int pending = 1 << 20;  // no answer yet

  explicit Simulated(const std::string& scenario) : Simulated(shipped(scenario)) {}
  explicit Simulated(sim::Scenario scenario) : machine(std::move(scenario), nodes) {}

  bool has(const std::string& path) { return machine.files().walk(path).has_value(); }

  // Returns the text of an attribute; "errno N" if it cannot be read, "absent" if it does not exist.
  std::string read(const std::string& path) {
    const auto file = machine.files().walk(path);
    if (!file) {
      return "absent";
    }
    const sim::Reading reading = machine.read(*file);
    return reading.error != 0 ? "errno " + std::to_string(reading.error) : reading.text;
  }

  // Returns the number of bytes written, -errno, or `pending`; the answer then arrives in `late`.
  int write(const std::string& path, std::string_view data) {
    const auto file = machine.files().walk(path);
    if (!file) {
      return -ENOENT;
    }
    const auto answer = std::make_shared<int>(pending);
    late = answer;
    machine.write(*file, data, [answer](int result) { *answer = result; });
    return *answer;
  }

  std::string target(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const auto directory = machine.files().walk(path.substr(0, slash));
    const auto link = directory ? machine.files().find(*directory, path.substr(slash + 1)) : std::nullopt;
    return link ? machine.files().get(*link)->target : "absent";
  }

  std::string group_of(const std::string& device) {
    const std::string link = target("bus/mdev/devices/" + device + "/iommu_group");
    return link.substr(link.rfind('/') + 1);
  }

  void wait(int milliseconds) {
    now_ += sim::Time(milliseconds);
    machine.proceed(now_);
  }

  // Opens the device for a user until close() is called. Returns 0 or errno.
  int open(const std::string& device, const std::string& user) {
    const int error = machine.open(device, user);
    if (error == 0) {
      nodes.open.insert(*machine.node_of(device));
      machine.control("opened " + device);
    }
    return error;
  }

  void close(const std::string& device) {
    nodes.open.erase(*machine.node_of(device));
    machine.proceed(now_);
  }

  ListedNodes nodes;
  sim::Machine machine;
  std::shared_ptr<int> late;

 private:
  sim::Time now_{0};
};

}  // namespace mdevadm::test
