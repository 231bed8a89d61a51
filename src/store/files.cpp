#include "files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/sys/atomic_file.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

namespace mdevadm::store {

namespace {

// Returns the value of a result about a file that a plan requires.
template <typename T>
T present(sys::Result<T> result, const std::string& doing) {
  if (!result && result.error().number == ENOENT) {
    throw_removed(doing);
  }
  return std::move(result).or_throw("{}", doing);
}

sys::Dir without_temporary_files(sys::Dir directory, const std::string& doing) {
  for (const sys::Entry& entry : directory.entries().or_throw("{}", doing)) {
    if (sys::AtomicFile::is_temporary(entry.name)) {
      std::ignore = directory.remove_file(entry.name);
    }
  }
  return directory;
}

}  // namespace

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
  return without_temporary_files(root.make_dirs(name).or_throw("{}", doing), doing);
}

sys::Dir directory_of_stored(const sys::Dir& root, const std::string& name, const std::string& doing) {
  return without_temporary_files(present(root.open_dir(name), doing), doing);
}

void write_atomically(const sys::Dir& directory, const std::string& name, const std::string& text,
                      const std::string& doing, NewFile mode) {
  if (!is_utf8(text)) {
    const std::vector<std::string_view> lines = split(text, '\n');
    const auto line = std::find_if_not(lines.begin(), lines.end(), is_utf8);
    throw Error(ExitCode::usage, fmt::format("{}: not valid UTF-8: {}", doing, printable(*line)));
  }
  constexpr mode_t all_read = 0644;
  constexpr mode_t all_write = 0666;
  const bool is_readable = mode == NewFile::readable && !directory.exists(name);
  sys::AtomicFile file =
      sys::AtomicFile::create(directory, name, is_readable ? all_read : all_write).or_throw("{}", doing);
  if (is_readable) {
    file.set_mode(all_read).or_throw("{}", doing);
  }
  file.write(text).or_throw("{}", doing);
  file.commit().or_throw("{}", doing);
}

std::string edited(const std::string& text, const std::function<std::string(const std::string&)>& edit) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  const std::size_t begin = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  const bool has_returns = text.find("\r\n") != std::string::npos;
  if (begin == 0 && !has_returns) {
    return edit(text);
  }
  std::string plain;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text.compare(i, 2, "\r\n") != 0) {
      plain += text[i];
    }
  }
  std::string result = text.substr(0, begin);
  for (const char c : edit(plain)) {
    result += c == '\n' && has_returns ? "\r\n" : std::string(1, c);
  }
  return result;
}

void throw_removed(const std::string& doing) {
  throw Error(ExitCode::not_found, fmt::format("{}: removed by another process", doing)).caused_by(ENOENT);
}

void throw_changed(const std::string& doing) {
  throw Error(ExitCode::conflict, fmt::format("{}: changed by another process", doing),
              "run the command again");
}

std::string read_stored(const sys::Dir& directory, const std::string& name, const std::string& doing) {
  return present(directory.read_file(name), doing);
}

void remove_stored(const sys::Dir& directory, const std::string& name, const std::string& doing) {
  std::ignore = present(directory.remove_file(name), doing);
  // As in AtomicFile::commit(): the file is removed, whether or not this succeeds.
  std::ignore = directory.sync();
}

void throw_if_lacking(const sys::SysError& error) {
  if (error.number == EMFILE || error.number == ENFILE || error.number == ENOMEM) {
    sys::throw_error(error, fmt::format("cannot read '{}'", error.path));
  }
}

std::optional<FileProblem> dangling_link(const sys::Dir& directory, const std::string& name) {
  const sys::Result<std::string> target = directory.read_link(name);
  return target
             ? std::optional(FileProblem{
                   .path = directory.path_of(name),
                   .message = fmt::format("symbolic link to '{}', which does not exist", printable(*target))})
             : std::nullopt;
}

std::optional<std::string> read_listed(const sys::Dir& directory, const std::string& name,
                                       std::vector<FileProblem>& broken) {
  sys::Result<std::string> text = directory.read_file(name);
  if (text) {
    return *std::move(text);
  }
  throw_if_lacking(text.error());
  if (text.error().number != ENOENT) {
    broken.push_back({.path = directory.path_of(name), .message = sys::errno_text(text.error().number)});
  } else if (auto problem = dangling_link(directory, name)) {
    broken.push_back(*std::move(problem));
  }
  return std::nullopt;
}

std::optional<sys::Dir> open_to_read(const sys::Dir& root, const std::string& name,
                                     const std::string& content) {
  sys::Result<sys::Dir> directory = root.open_dir(name);
  if (directory) {
    return *std::move(directory);
  }
  const std::string doing = fmt::format("cannot read {} in '{}'", content, root.path_of(name));
  if (directory.error().number != ENOENT) {
    sys::throw_error(directory.error(), doing);
  }
  if (const auto problem = dangling_link(root, name)) {
    throw Error(ExitCode::failed, fmt::format("{}: {}", doing, problem->message));
  }
  return std::nullopt;
}

std::vector<sys::Entry> entries_in(const sys::Dir& directory, const std::string& content) {
  return directory.entries().or_throw("cannot read {} in '{}'", content, directory.path());
}

}  // namespace mdevadm::store
