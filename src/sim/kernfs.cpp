#include <mdevadm/sim/kernfs.hpp>

#include <fcntl.h>

#include <cerrno>

#include <mdevadm/util/text.hpp>

namespace mdevadm::sim {

Kernfs::Kernfs() {
  add(0, "", FileKind::directory, 0755);
}

File& Kernfs::add(NodeId parent, std::string name, FileKind kind, mode_t mode) {
  const NodeId id = ++last_;
  auto file =
      std::make_unique<File>(File{.id = id, .parent = parent, .kind = kind, .name = name, .mode = mode});
  if (File* above = get(parent)) {
    above->children.insert_or_assign(std::move(name), id);
  }
  return *(files_[id] = std::move(file));
}

NodeId Kernfs::directory(NodeId parent, std::string_view name) {
  const auto found = find(parent, name);
  return found ? *found : add(parent, std::string(name), FileKind::directory, 0755).id;
}

NodeId Kernfs::directories(NodeId parent, std::string_view path) {
  for (const std::string_view name : split(path, '/')) {
    parent = directory(parent, name);
  }
  return parent;
}

NodeId Kernfs::attribute(NodeId parent, std::string name, mode_t mode, Show show, Store store) {
  File& file = add(parent, std::move(name), FileKind::attribute, mode);
  file.show = std::move(show);
  file.store = std::move(store);
  return file.id;
}

NodeId Kernfs::constant(NodeId parent, std::string name, std::string text) {
  return attribute(parent, std::move(name), 0444, [text = std::move(text)] { return Reading{text}; });
}

NodeId Kernfs::link(NodeId parent, std::string name, NodeId to) {
  const std::string path = path_of(parent) + "/" + name;
  const std::string target = path_of(to);
  const std::vector<std::string_view> from = split(path, '/');
  const std::vector<std::string_view> there = split(target, '/');
  // As in sysfs, the link contains the target's own name even if the link is below the target.
  std::size_t shared = 0;
  while (shared < from.size() - 1 && shared < there.size() - 1 && from[shared] == there[shared]) {
    ++shared;
  }
  std::string relative;
  for (std::size_t i = shared; i + 1 < from.size(); ++i) {
    relative += "../";
  }
  for (std::size_t i = shared; i < there.size(); ++i) {
    relative.append(there[i]).append("/");
  }
  relative.pop_back();
  File& file = add(parent, std::move(name), FileKind::link, 0777);
  file.target = std::move(relative);
  return file.id;
}

void Kernfs::remove(NodeId id) {
  const auto found = files_.find(id);
  if (found == files_.end()) {
    return;
  }
  const std::unique_ptr<File> file = std::move(found->second);
  files_.erase(found);
  if (File* above = get(file->parent)) {
    // The name may refer to another file by now.
    const auto entry = above->children.find(file->name);
    if (entry != above->children.end() && entry->second == id) {
      above->children.erase(entry);
    }
  }
  for (const auto& [name, child] : file->children) {
    remove(child);
  }
}

void Kernfs::remove(NodeId parent, std::string_view name) {
  if (const auto found = find(parent, name)) {
    remove(*found);
  }
}

const File* Kernfs::get(NodeId id) const {
  const auto found = files_.find(id);
  return found == files_.end() ? nullptr : found->second.get();
}

File* Kernfs::get(NodeId id) {
  const auto found = files_.find(id);
  return found == files_.end() ? nullptr : found->second.get();
}

std::optional<NodeId> Kernfs::find(NodeId parent, std::string_view name) const {
  const File* directory = get(parent);
  if (directory == nullptr) {
    return std::nullopt;
  }
  const auto found = directory->children.find(name);
  return found == directory->children.end() ? std::nullopt : std::optional(found->second);
}

std::optional<NodeId> Kernfs::walk(std::string_view path) const {
  NodeId at = root;
  for (const std::string_view name : split(path, '/')) {
    if (name.empty() || name == ".") {
      continue;
    }
    if (name == "..") {
      at = std::max(root, get(at)->parent);
      continue;
    }
    const auto found = find(at, name);
    if (!found) {
      return std::nullopt;
    }
    const File& file = *get(*found);
    const auto next =
        file.kind == FileKind::link ? walk(path_of(at) + "/" + file.target) : std::optional(*found);
    if (!next) {
      return std::nullopt;
    }
    at = *next;
  }
  return at;
}

std::string Kernfs::path_of(NodeId id) const {
  const File* file = get(id);
  return file == nullptr || id == root ? std::string{} : path_of(file->parent) + "/" + file->name;
}

int Kernfs::may_open(const File& file, int flags, uid_t user) {
  const int access = flags & O_ACCMODE;
  const mode_t wanted = access == O_RDONLY ? 04 : access == O_WRONLY ? 02 : 06;
  if (user != 0) {
    const unsigned shift = user == file.owner ? 6 : 0;
    if (((file.mode >> shift) & wanted) != wanted) {
      return EACCES;
    }
  }
  const bool readable = (file.mode & 0444) != 0 && file.show;
  const bool writable = (file.mode & 0222) != 0 && file.store;
  return ((wanted & 04) != 0 && !readable) || ((wanted & 02) != 0 && !writable) ? EACCES : 0;
}

}  // namespace mdevadm::sim
