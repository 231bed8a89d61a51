#include <mdevadm/render/dot.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/util/text.hpp>
#include <set>
#include <vector>

namespace mdevadm::render {

namespace {

// Returns a text in quotes for dot(1); "\n" in the language begins a new line.
std::string dot_text(const std::vector<std::string>& lines) {
  std::string text = "\"";
  for (const std::string& line : lines) {
    text += text.size() > 1 ? "\\n" : "";
    for (const char c : printable(line)) {
      text += c == '"' || c == '\\' ? "\\" : "";
      text += c;
    }
  }
  return text + '"';
}

std::string node_name(const char* kind, const std::string& key) {
  return dot_text({std::string(kind) + ":" + key});
}

// A device that is active, defined, or both.
struct GraphDevice {
  Uuid uuid;
  ParentName parent;
  std::string type{};
  std::string name{};
  std::string vf{};
  const Device* active = nullptr;
  const Group* group = nullptr;

  std::string node() const { return node_name("device", parent.str() + "/" + uuid.str()); }
};

class DotWriter {
 public:
  DotWriter(const Snapshot& seen, const Definitions& defined, const Groups& groups) : seen_(seen) {
    for (const Device& device : seen.devices) {
      devices_.push_back({.uuid = device.uuid,
                          .parent = device.parent,
                          .type = device.type ? device.type->str() : "",
                          .vf = device.vf,
                          .active = &device});
    }
    for (const Definition& definition : defined.all) {
      add(definition, groups);
    }
  }

  std::string write(const Groups& groups) {
    for (const Parent& parent : seen_.parents) {
      write_parent(parent.name, parent.driver.value_or(""));
    }
    for (const GraphDevice& device : devices_) {
      if (device.group == nullptr) {
        write_device(device, "  ");
      }
    }
    for (const Group& group : groups.all) {
      write_group(group);
    }
    for (const GraphDevice& device : devices_) {
      write_edges(device);
    }
    return "digraph mdevadm {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n" + text_ + "}\n";
  }

 private:
  void add(const Definition& definition, const Groups& groups) {
    auto found = std::find_if(devices_.begin(), devices_.end(), [&](const GraphDevice& device) {
      return device.uuid == definition.uuid && device.parent == definition.parent;
    });
    if (found == devices_.end()) {
      devices_.push_back(
          {.uuid = definition.uuid, .parent = definition.parent, .type = definition.type.str()});
      found = std::prev(devices_.end());
    }
    found->name = definition.name ? definition.name->str() : "";
    found->group = groups.of(definition);
    if (found->vf.empty() && definition.reserved_vf() != nullptr) {
      found->vf = definition.reserved_vf()->str();
    }
  }

  void write_parent(const ParentName& parent, const std::string& driver) {
    if (parents_.insert(parent.str()).second) {
      std::vector<std::string> lines{parent.str()};
      if (!driver.empty()) {
        lines.push_back(driver);
      }
      text_ +=
          fmt::format("  {} [shape=box, label={}];\n", node_name("parent", parent.str()), dot_text(lines));
    }
  }

  void write_device(const GraphDevice& device, const char* indent) {
    std::vector<std::string> lines;
    if (!device.name.empty()) {
      lines.push_back(device.name);
    }
    lines.push_back(device.uuid.str());
    if (!device.type.empty()) {
      lines.push_back(device.type);
    }
    text_ += fmt::format("{}{} [shape=ellipse, style={}, label={}];\n", indent, device.node(),
                         device.active != nullptr ? "solid" : "dashed", dot_text(lines));
  }

  void write_group(const Group& group) {
    text_ += fmt::format("  subgraph {} {{\n    label={};\n", dot_text({"cluster_" + group.name.str()}),
                         dot_text({"group " + group.name.str()}));
    for (const GraphDevice& device : devices_) {
      if (device.group == &group) {
        write_device(device, "    ");
      }
    }
    text_ += "  }\n";
  }

  void write_edges(const GraphDevice& device) {
    write_parent(device.parent, "");
    const std::string parent = node_name("parent", device.parent.str());
    if (device.vf.empty()) {
      text_ += fmt::format("  {} -> {};\n", parent, device.node());
    } else {
      const std::string vf = node_name("vf", device.vf);
      if (functions_.insert(device.vf).second) {
        text_ += fmt::format("  {} [shape=box, style=rounded, label={}];\n  {} -> {};\n", vf,
                             dot_text({device.vf}), parent, vf);
      }
      text_ += fmt::format("  {} -> {};\n", vf, device.node());
    }
    for (const Holder& holder :
         device.active == nullptr ? std::vector<Holder>{} : device.active->holders.list()) {
      const std::string user = node_name("process", fmt::format("{}", holder.pid));
      if (processes_.insert(holder.pid).second) {
        text_ += fmt::format("  {} [shape=component, label={}];\n", user,
                             dot_text({holder.command, fmt::format("pid {}", holder.pid)}));
      }
      text_ += fmt::format("  {} -> {};\n", device.node(), user);
    }
  }

  const Snapshot& seen_;
  std::vector<GraphDevice> devices_{};
  std::set<std::string> parents_{};
  std::set<std::string> functions_{};
  std::set<int> processes_{};
  std::string text_{};
};

}  // namespace

std::string dot_graph(const Snapshot& seen, const Definitions& defined, const Groups& groups) {
  return DotWriter(seen, defined, groups).write(groups);
}

}  // namespace mdevadm::render
