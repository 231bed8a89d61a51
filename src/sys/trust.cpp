#include <mdevadm/sys/trust.hpp>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

namespace {

constexpr mode_t writable_by_others = S_IWGRP | S_IWOTH;
constexpr mode_t permissions = 07777;
constexpr int most_links = 40;  // as in the kernel

// The owner of "/" is trusted because of user namespaces, in which root of the host has no number.
bool is_trusted_owner(uid_t owner) {
  struct stat top {};
  return owner == 0 || owner == ::geteuid() || (::stat("/", &top) == 0 && owner == top.st_uid);
}

std::optional<Distrust> examine(const std::string& path, const struct stat& found) {
  const bool is_link = S_ISLNK(found.st_mode);  // its mode has no meaning
  const bool is_sticky = S_ISDIR(found.st_mode) && (found.st_mode & S_ISVTX) != 0;
  const bool is_open = (found.st_mode & writable_by_others) != 0 && !is_link && !is_sticky;
  const bool is_foreign = !is_trusted_owner(found.st_uid);
  return is_foreign || is_open
             ? std::optional(Distrust{path, is_foreign, found.st_uid, found.st_mode & permissions})
             : std::nullopt;
}

std::string absolute(const std::string& path) {
  if (path.starts_with('/')) {
    return path;
  }
  std::array<char, 4096> here{};
  return ::getcwd(here.data(), here.size()) != nullptr ? fmt::format("{}/{}", here.data(), path) : path;
}

std::string target_of(const std::string& link) {
  std::array<char, 4096> text{};
  const ssize_t length = ::readlink(link.c_str(), text.data(), text.size());
  return length < 0 ? std::string{} : std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

std::string Distrust::reason() const {
  return is_foreign ? fmt::format("'{}' is owned by user '{}', not by root", printable(path),
                                  printable(user_name(owner)))
                    : fmt::format("'{}' can be changed by other users than root (mode {:04o})",
                                  printable(path), static_cast<unsigned>(mode));
}

std::string Distrust::remedy() const {
  return is_foreign ? "chown -h root " + shell_word(path) : "chmod go-w " + shell_word(path);
}

std::optional<Distrust> find_untrusted(const std::string& path) {
  std::string left = absolute(path);
  std::string done;  // without links; empty: "/"
  int links = 0;
  struct stat found {};
  if (::lstat("/", &found) == 0) {
    if (auto why = examine("/", found)) {
      return why;
    }
  }
  while (!left.empty()) {
    const std::size_t slash = left.find('/');
    const std::string name = left.substr(0, slash);
    left = slash == std::string::npos ? "" : left.substr(slash + 1);
    if (name == "..") {
      done.resize(done.empty() ? 0 : done.rfind('/'));
    }
    if (name.empty() || name == "." || name == "..") {
      continue;
    }
    const std::string next = fmt::format("{}/{}", done, name);
    if (::lstat(next.c_str(), &found) != 0) {
      return std::nullopt;
    }
    if (auto why = examine(next, found)) {
      return why;
    }
    if (!S_ISLNK(found.st_mode)) {
      done = next;
    } else if (const std::string target = target_of(next); target.empty() || ++links > most_links) {
      return std::nullopt;
    } else {
      done = target.starts_with('/') ? std::string{} : done;
      left = fmt::format("{}/{}", target, left);
    }
  }
  return std::nullopt;
}

std::optional<Distrust> find_untrusted_file(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? examine(path, found) : std::nullopt;
}

std::optional<Distrust> find_untrusted_directory(const Dir& directory) {
  struct stat found {};
  if (::fstat(directory.fd(), &found) != 0) {
    return std::nullopt;
  }
  const mode_t mode = found.st_mode & permissions;
  found.st_mode &= ~static_cast<mode_t>(S_ISVTX);
  std::optional<Distrust> result = examine(directory.path(), found);
  if (result) {
    result->mode = mode;
  }
  return result;
}

}  // namespace mdevadm::sys
