#include <mdevadm/sys/accounts.hpp>

#include <grp.h>
#include <pwd.h>

#include <fmt/format.h>

#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

std::optional<uid_t> user_id(const std::string& user) {
  if (const passwd* found = ::getpwnam(user.c_str())) {
    return found->pw_uid;
  }
  const auto number = parse_decimal(user);
  return number && *number < UINT32_MAX ? std::optional(static_cast<uid_t>(*number)) : std::nullopt;
}

std::optional<gid_t> group_id(const std::string& group) {
  if (const ::group* found = ::getgrnam(group.c_str())) {
    return found->gr_gid;
  }
  const auto number = parse_decimal(group);
  return number && *number < UINT32_MAX ? std::optional(static_cast<gid_t>(*number)) : std::nullopt;
}

std::string user_name(uid_t user) {
  const passwd* found = ::getpwuid(user);
  return found != nullptr ? found->pw_name : fmt::format("{}", user);
}

std::string group_name(gid_t group) {
  const ::group* found = ::getgrgid(group);
  return found != nullptr ? found->gr_name : fmt::format("{}", group);
}

std::vector<std::string> user_names() {
  std::vector<std::string> names;
  ::setpwent();
  while (const passwd* user = ::getpwent()) {
    names.emplace_back(user->pw_name);
  }
  ::endpwent();
  return names;
}

std::vector<std::string> group_names() {
  std::vector<std::string> names;
  ::setgrent();
  while (const ::group* group = ::getgrent()) {
    names.emplace_back(group->gr_name);
  }
  ::endgrent();
  return names;
}

}  // namespace mdevadm::sys
