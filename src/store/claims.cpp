// Claims: /run/mdevadm/claims/<uuid>.toml
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/store/store.hpp>
#include <mdevadm/util/text.hpp>

#include "files.hpp"
#include "runtime_text.hpp"

namespace mdevadm::store {

namespace {

// Returns nullopt if the file does not exist.
std::optional<Claim> load_claim(const sys::Dir& directory, const Uuid& uuid) {
  const sys::Result<std::string> text = directory.read_file(file_name(uuid));
  if (!text && text.error().number == ENOENT) {
    return std::nullopt;
  }
  return text ? parse_claim(*text, uuid)
              : Claim{.uuid = uuid, .problem = sys::errno_text(text.error().number)};
}

// Returns nullopt if the directory does not exist. `confined`: also if the process may not read it.
std::optional<sys::Dir> directory_of_claims(const sys::Dir& root, bool confined) {
  sys::Result<sys::Dir> directory = root.open_dir(claims_directory);
  const int number = directory ? 0 : directory.error().number;
  const bool is_forbidden = number == EACCES || number == EPERM;
  if (!directory && number != ENOENT && !(confined && is_forbidden)) {
    sys::throw_error(directory.error(),
                     fmt::format("cannot read the claims in '{}'", directory.error().path));
  }
  return directory ? std::optional(*std::move(directory)) : std::nullopt;
}

}  // namespace

Claims Store::load_claims() const {
  Claims claims;
  const std::optional<sys::Dir> directory = directory_of_claims(*root_, runtime_ == Runtime::optional);
  if (!directory) {
    return claims;
  }
  for (const sys::Entry& entry :
       directory->entries().or_throw("cannot read the claims in '{}'", directory->path())) {
    const auto uuid = uuid_of(entry.name);
    if (uuid && file_name(*uuid) == entry.name) {
      if (auto claim = load_claim(*directory, *uuid)) {
        claims.all.push_back(*std::move(claim));
      }
    } else if (is_ours(entry.name)) {
      claims.foreign.push_back({directory->path_of(entry.name),
                                "invalid file name (expected UUID.toml, with the UUID in lower case)"});
    }
  }
  std::sort(claims.all.begin(), claims.all.end(),
            [](const Claim& a, const Claim& b) { return a.uuid < b.uuid; });
  return claims;
}

std::set<Uuid> Store::claimed_devices() const {
  std::set<Uuid> devices;
  if (const std::optional<sys::Dir> directory = directory_of_claims(*root_, runtime_ == Runtime::optional)) {
    directory
        ->each_name([&](std::string_view name) {
          const auto uuid = uuid_of(name);
          if (uuid && file_name(*uuid) == name) {
            devices.insert(*uuid);
          }
        })
        .or_throw("cannot read the claims in '{}'", directory->path());
  }
  return devices;
}

std::string Store::path_of_claim(const Uuid& uuid) const {
  return root_->path_of(fmt::format("{}/{}", claims_directory, file_name(uuid)));
}

void Store::keep_claim(const Claim& claim) const {
  const std::string doing = fmt::format("cannot write '{}'", path_of_claim(claim.uuid));
  write_atomically(directory_to_write(*root_, claims_directory, doing), file_name(claim.uuid),
                   format_claim(claim), doing);
}

void Store::drop_claim(const Claim& claim) const {
  const std::optional<sys::Dir> directory = directory_of_claims(*root_, runtime_ == Runtime::optional);
  const std::optional<Claim> now = directory ? load_claim(*directory, claim.uuid) : std::nullopt;
  if (!now) {
    return;
  }
  if (*now != claim) {
    throw Error(ExitCode::conflict,
                fmt::format("another process has released the device, and it is {} now", now->str()),
                "show its claim: mdevadm list --claimed -o +claimed_for,claimed_at");
  }
  const sys::Result<sys::Done> removed = directory->remove_file(file_name(claim.uuid));
  if (!removed && removed.error().number != ENOENT) {
    sys::throw_error(removed.error(), fmt::format("cannot remove '{}'", path_of_claim(claim.uuid)));
  }
}

void Store::remove_claim(const Uuid& uuid) const {
  if (const sys::Result<sys::Dir> directory = root_->open_dir(claims_directory)) {
    std::ignore = directory->remove_file(file_name(uuid));
  }
}

}  // namespace mdevadm::store
