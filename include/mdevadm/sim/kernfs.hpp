// A tree of folders, attributes and links that keeps the rules of the kernel's sysfs. No I/O: the FUSE server
// carries it to programs, tests ask it directly.
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

// Identifies a file for good, as an inode number does. Never reused; the root's is 1.
using NodeId = std::uint64_t;

// What an attribute says: a text, or an errno.
struct Reading {
  std::string text{};
  int error = 0;
};

// Called once, now or later, with the number of bytes that were taken or -errno.
using Answer = std::function<void(int)>;

using Show = std::function<Reading()>;
// One write(2) is one call.
using Store = std::function<void(std::string_view, const Answer&)>;

// What sysfs says of a file's size whatever its content; also the most that one write takes.
constexpr std::size_t page_size = 4096;

enum class FileKind { folder, attribute, link };

struct File {
  NodeId id;
  NodeId parent;
  FileKind kind;
  std::string name;
  mode_t mode;  // permission bits
  uid_t owner = 0;
  gid_t group = 0;
  std::map<std::string, NodeId, std::less<>> children{};  // of a folder
  std::string target{};                                   // of a link
  Show show{};                                            // of an attribute
  Store store{};
};

class Kernfs {
 public:
  Kernfs();

  static constexpr NodeId root = 1;

  // Makes a folder, or finds the one that is there.
  NodeId folder(NodeId parent, std::string_view name);
  // Makes all that is missing of "a/b/c".
  NodeId folders(NodeId parent, std::string_view path);
  NodeId attribute(NodeId parent, std::string name, mode_t mode, Show show, Store store = {});
  // A read-only attribute that never changes.
  NodeId constant(NodeId parent, std::string name, std::string text);
  // A link to another file of this tree, relative as in sysfs.
  NodeId link(NodeId parent, std::string name, NodeId to);

  // Removes a file with all that is in it. Nothing happens to what is already gone.
  void remove(NodeId id);
  void remove(NodeId parent, std::string_view name);

  // nullptr for what is not there, or no longer.
  const File* get(NodeId id) const;
  File* get(NodeId id);
  std::optional<NodeId> find(NodeId parent, std::string_view name) const;
  // Follows a path from the root, links too.
  std::optional<NodeId> walk(std::string_view path) const;
  // "/devices/virtual/mtty/mtty", empty for the root.
  std::string path_of(NodeId id) const;

  // 0, or the errno with which the kernel refuses to open: as root too, an attribute that cannot be read or
  // written at all stays shut.
  static int may_open(const File& file, int flags, uid_t user);

 private:
  File& add(NodeId parent, std::string name, FileKind kind, mode_t mode);

  std::unordered_map<NodeId, std::unique_ptr<File>> files_;
  NodeId last_ = 0;
};

}  // namespace mdevadm::sim
