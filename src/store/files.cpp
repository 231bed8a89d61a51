#include "files.hpp"

#include <mdevadm/sys/atomic_file.hpp>

namespace mdevadm::store {

std::string file_name(const Uuid& uuid) {
  return uuid.str() + std::string(suffix);
}

std::string file_name(const GroupName& name) {
  return name.str() + std::string(suffix);
}

std::string file_name(const ParentName& parent) {
  return parent.str() + std::string(suffix);
}

bool is_ours(std::string_view name) {
  return !sys::AtomicFile::is_temporary(name) && name.ends_with(suffix) && name.front() != '.';
}

std::optional<Uuid> uuid_of(std::string_view name) {
  return is_ours(name) ? Uuid::parse(name.substr(0, name.size() - suffix.size())) : std::nullopt;
}

sys::Dir directory_to_write(const sys::Dir& root, const std::string& name, const std::string& doing) {
  sys::Dir directory = root.make_dirs(name).or_throw("{}", doing);
  for (const sys::Entry& entry : directory.entries().or_throw("{}", doing)) {
    if (sys::AtomicFile::is_temporary(entry.name)) {
      std::ignore = directory.remove_file(entry.name);
    }
  }
  return directory;
}

void write_atomically(const sys::Dir& directory, const std::string& name, const std::string& text,
                      const std::string& doing, mode_t permissions) {
  sys::AtomicFile file = sys::AtomicFile::create(directory, name, permissions).or_throw("{}", doing);
  file.write(text).or_throw("{}", doing);
  file.commit().or_throw("{}", doing);
}

}  // namespace mdevadm::store
