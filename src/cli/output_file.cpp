#include "output_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <mdevadm/sys/atomic_file.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

void write_output_file(const std::string& path, std::string_view content) {
  const std::string doing = fmt::format("cannot write '{}'", printable(path));
  const std::filesystem::path parts = path;
  const std::string name = parts.filename().string();
  const std::string parent = parts.has_parent_path() ? parts.parent_path().string() : ".";
  const sys::Result<sys::Dir> directory = sys::Dir::open(parent);
  if (!directory && directory.error().number == ENOENT) {
    throw Error(ExitCode::failed, fmt::format("{}: directory '{}' not found", doing, printable(parent)),
                fmt::format("create the directory: mkdir -p {}", shell_word(parent)));
  }
  if (!directory) {
    sys::throw_error(directory.error(), doing);
  }
  // The directory can belong to another user, who decides where a link leads; a rename would replace the
  // link.
  if (const sys::Result<std::string> target = directory->read_link(name)) {
    throw Error(ExitCode::failed, doing + ": it is a symbolic link, which is not followed",
                "specify the file itself: --output " + shell_word((parts.parent_path() / *target).string()));
  }
  // A rename would replace a device such as /dev/stdout.
  const sys::Result<sys::FileStatus> old = directory->status(name);
  if (name.empty() || name == "." || name == ".." || (old && !S_ISREG(old->mode))) {
    throw Error(ExitCode::failed, fmt::format("{}: not a regular file", doing));
  }
  sys::AtomicFile::remove_left(*directory, name);
  sys::AtomicFile file = sys::AtomicFile::create(*directory, name, 0644).or_throw("{}", doing);
  file.set_mode(0644).or_throw("{}", doing);
  file.write(content).or_throw("{}", doing);
  file.commit().or_throw("{}", doing);
}

}  // namespace mdevadm::cli
