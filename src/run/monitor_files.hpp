// The files that `monitor` watches by inotify.
#pragma once

#include <map>
#include <mdevadm/model/watch.hpp>
#include <mdevadm/sys/file_watch.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mdevadm {

class MonitorFiles {
 public:
  // What may have changed.
  struct Changes {
    bool store = false;     // definitions or groups
    bool use = false;       // which processes have nodes open
    bool devices = false;   // vGPUs on virtual functions
    bool nodes = false;     // new nodes exist
    bool machines = false;  // libvirt has started, changed or stopped a virtual machine
  };

  // Watches files below `root`, which is "" on the running system. Throws Error.
  explicit MonitorFiles(std::string root = {});

  // Returns false if a file is not watched because of the limit for all processes of the user.
  bool is_complete() const { return is_complete_; }

  int descriptor() const { return files_.descriptor(); }
  Changes read();

  // Watches all directories of definitions and groups, and those in which missing ones may appear. To be
  // called before the files are read.
  void watch_store();
  // Watches a VFIO node, which may have replaced an earlier one.
  void watch_node(const std::string& path);
  // Ends the watches of all other nodes.
  void keep_nodes(const std::map<std::string, WatchedDevice>& devices);
  bool watches_node(const std::string& path) const { return nodes_.contains(path); }
  // Watches the directories in which nodes appear.
  void watch_node_directories();
  // Watches the types of vGPUs on virtual functions, and no longer those of others.
  void watch_types(const std::set<std::string>& functions);
  // Watches the virtual machines of libvirt: QEMU has nodes of its own in a private /dev.
  void watch_machines();

 private:
  enum class What { store, etc, node, node_directory, type, machines, machines_above };

  struct Watch {
    What what;
    std::string path;
  };

  std::optional<int> add(const std::string& path, std::uint32_t mask, What what);
  bool watch_store_directories();
  void watch_definitions_of_parents();
  void note(const sys::FileChange& change, Changes& changes);
  static bool concerns_store(const Watch& watch, const sys::FileChange& change);

  std::string root_;
  sys::FileWatch files_;
  bool is_complete_ = true;
  std::map<int, Watch> watches_{};
  std::map<std::string, int> nodes_{};
  std::map<std::string, int> types_{};
};

}  // namespace mdevadm
