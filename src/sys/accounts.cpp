#include <mdevadm/sys/accounts.hpp>

#include <grp.h>
#include <pwd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>

#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

namespace {

// Calls a function of the getpwnam_r() family with a buffer that is large enough. Returns whether an account
// was found. The functions without _r return static memory, which another thread overwrites.
template <typename Account, typename Call>
bool look_up(Account& account, std::vector<char>& buffer, const Call& call) {
  constexpr std::size_t usual_size = 1024;
  constexpr std::size_t largest_size = 1U << 24U;  // groups list their members
  for (buffer.resize(usual_size);; buffer.resize(buffer.size() * 2)) {
    Account* found = nullptr;
    const int error = call(&account, buffer.data(), buffer.size(), &found);
    if (error == EINTR || (error == ERANGE && buffer.size() < largest_size)) {
      continue;
    }
    return error == 0 && found != nullptr;
  }
}

// Returns the number, unless it is the one that means "unchanged".
std::optional<std::uint32_t> id_in(const std::string& text) {
  const auto number = parse_decimal(text);
  return number && *number < UINT32_MAX ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

}  // namespace

std::optional<uid_t> user_id(const std::string& user) {
  passwd found{};
  std::vector<char> buffer;
  const auto by_name = [&](auto... rest) { return ::getpwnam_r(user.c_str(), rest...); };
  return look_up(found, buffer, by_name) ? std::optional(found.pw_uid) : id_in(user);
}

std::optional<gid_t> group_id(const std::string& group) {
  ::group found{};
  std::vector<char> buffer;
  const auto by_name = [&](auto... rest) { return ::getgrnam_r(group.c_str(), rest...); };
  return look_up(found, buffer, by_name) ? std::optional(found.gr_gid) : id_in(group);
}

std::string user_name(uid_t user) {
  passwd found{};
  std::vector<char> buffer;
  const auto by_id = [&](auto... rest) { return ::getpwuid_r(user, rest...); };
  return look_up(found, buffer, by_id) ? found.pw_name : fmt::format("{}", user);
}

std::string group_name(gid_t group) {
  ::group found{};
  std::vector<char> buffer;
  const auto by_id = [&](auto... rest) { return ::getgrgid_r(group, rest...); };
  return look_up(found, buffer, by_id) ? found.gr_name : fmt::format("{}", group);
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
