// A tree of directories, attributes and links that follows the rules of the kernel's sysfs. No I/O: the FUSE
// server exposes it to programs, tests call it directly.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mdevadm::sim {

// Returns the written data without its final newline, as sysfs attributes take it.
inline std::string_view without_newline(std::string_view data) {
  return data.ends_with('\n') ? data.substr(0, data.size() - 1) : data;
}

// Permanent identifier of a file, like an inode number. Never reused; the root has 1.
using NodeId = std::uint64_t;

// Result of reading an attribute: a text or an errno.
struct Reading {
  std::string text{};
  int error = 0;
};

// Called exactly once, immediately or later, with the number of accepted bytes or -errno.
using Answer = std::function<void(int)>;

using Show = std::function<Reading()>;
// Called once per write(2).
using Store = std::function<void(std::string_view, const Answer&)>;

// Size of every sysfs file as reported by stat, and the limit of one write.
constexpr std::size_t page_size = 4096;

enum class FileKind { directory, attribute, link };

struct File {
  NodeId id;
  NodeId parent;
  FileKind kind;
  std::string name;
  mode_t mode;  // permission bits
  uid_t owner = 0;
  gid_t group = 0;
  std::map<std::string, NodeId, std::less<>> children{};  // directories only
  std::string target{};                                   // links only
  Show show{};                                            // attributes only
  Store store{};
};

class Kernfs {
 public:
  Kernfs();

  static constexpr NodeId root = 1;

  // Returns the directory, creating it if it does not exist.
  NodeId directory(NodeId parent, std::string_view name);
  // Like directory() for a path "a/b/c" with all its components.
  NodeId directories(NodeId parent, std::string_view path);
  NodeId attribute(NodeId parent, std::string name, mode_t mode, Show show, Store store = {});
  // Creates a read-only attribute with a constant value.
  NodeId constant(NodeId parent, std::string name, std::string text);
  // Creates a link to another file of this tree, relative as in sysfs.
  NodeId link(NodeId parent, std::string name, NodeId to);

  // Removes a file with everything below it; does nothing if it no longer exists.
  void remove(NodeId id);
  void remove(NodeId parent, std::string_view name);

  // Return nullptr if the file does not exist or no longer exists.
  const File* get(NodeId id) const;
  File* get(NodeId id);
  std::optional<NodeId> find(NodeId parent, std::string_view name) const;
  // Follows a path from the root, including links.
  std::optional<NodeId> walk(std::string_view path) const;
  // Returns a path like "/devices/virtual/mtty/mtty", or an empty string for the root.
  std::string path_of(NodeId id) const;

  // Returns 0 or the errno of open(2). Like the kernel, it refuses even root if the attribute does not
  // support the requested access.
  static int may_open(const File& file, int flags, uid_t user);

 private:
  File& add(NodeId parent, std::string name, FileKind kind, mode_t mode);

  std::unordered_map<NodeId, std::unique_ptr<File>> files_;
  NodeId last_ = 0;
};

}  // namespace mdevadm::sim
