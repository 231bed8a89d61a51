// Group files: /etc/mdevadm/groups/<name>.toml
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mdevadm/store/group_file.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

#include "files.hpp"

namespace mdevadm::store {

namespace {

constexpr const char* groups_directory = "etc/mdevadm/groups";

void read_group_file(const sys::Dir& directory, const std::string& file, Groups& into) {
  if (!is_ours(file)) {
    return;
  }
  const auto name = GroupName::parse(std::string_view(file).substr(0, file.size() - suffix.size()));
  if (!name) {
    into.broken.push_back(
        {.path = directory.path_of(file), .message = "invalid file name (expected GROUP.toml)"});
    return;
  }
  const std::optional<std::string> text = read_listed(directory, file, into.broken);
  if (!text) {
    return;
  }
  GroupContent content = parse_group(*text, directory.path_of(file), *name);
  std::move(content.problems.begin(), content.problems.end(), std::back_inserter(into.problems));
  if (content.group) {
    into.all.push_back(*std::move(content.group));
  } else {
    into.broken.push_back(std::move(content.problem));
  }
}

// Hand-written files can contain the same member in two groups; the first group by name is used.
void note_repeated_members(Groups& groups, const Store& store) {
  std::map<std::string, const Group*> owners;
  for (const Group& group : groups.all) {
    for (const Member& member : group.members) {
      const auto [owner, is_new] = owners.emplace(member.str(), &group);
      if (!is_new) {
        groups.problems.push_back({store.path_of(group.name), 0, 0,
                                   fmt::format("member '{}' is also in group '{}', which takes precedence",
                                               member.str(), owner->second->name.str())});
      }
    }
  }
}

// Returns the text of the group's file. Throws Error{conflict} if it no longer contains the group.
std::string unchanged_text(const sys::Dir& directory, const std::string& path, const Group& group,
                           const std::string& doing) {
  std::string text = read_stored(directory, file_name(group.name), doing);
  if (parse_group(text, path, group.name).group != group) {
    throw_changed(doing);
  }
  return text;
}

}  // namespace

Groups Store::load_groups() const {
  Groups groups;
  const std::optional<sys::Dir> directory = open_to_read(*root_, groups_directory, "the groups");
  if (!directory) {
    return groups;
  }
  for (const sys::Entry& entry : entries_in(*directory, "the groups")) {
    read_group_file(*directory, entry.name, groups);
  }
  std::sort(groups.all.begin(), groups.all.end(),
            [](const Group& a, const Group& b) { return natural_less(a.name.str(), b.name.str()); });
  note_repeated_members(groups, *this);
  return groups;
}

std::optional<Group> Store::load_group(const GroupName& name) const {
  const sys::Result<sys::Dir> directory = root_->open_dir(groups_directory);
  const sys::Result<std::string> text =
      directory ? directory->read_file(file_name(name)) : sys::Result<std::string>(directory.error());
  return text ? parse_group(*text, path_of(name), name).group : std::nullopt;
}

std::string Store::path_of(const GroupName& name) const {
  return root_->path_of(fmt::format("{}/{}", groups_directory, file_name(name)));
}

void Store::add_group(const Group& group) const {
  const std::string doing = fmt::format("cannot write '{}'", path_of(group.name));
  const sys::Dir directory = directory_to_write(*root_, groups_directory, doing);
  if (directory.exists(file_name(group.name))) {
    throw Error(ExitCode::conflict, fmt::format("{}: the file already exists", doing),
                "fix or remove the file");
  }
  write_atomically(directory, file_name(group.name), format_group(group), doing);
}

void Store::replace_group(const Group& before, const Group& after) const {
  const std::string path = path_of(before.name);
  const std::string doing = fmt::format("cannot change '{}'", path);
  const sys::Dir directory = directory_of_stored(*root_, groups_directory, doing);
  const std::string text = unchanged_text(directory, path, before, doing);
  write_atomically(
      directory, file_name(before.name),
      edited(text, [&](const std::string& plain) { return edit_group(plain, path, before, after); }), doing);
}

void Store::leave_group(const GroupName& name, const Member& member) const {
  const Groups groups = load_groups();
  const Group* group = groups.find(name.str());
  if (group == nullptr) {
    return;
  }
  Group after = *group;
  std::erase(after.members, member);
  if (after != *group) {
    replace_group(*group, after);
  }
}

void Store::rename_group(const Group& group, const GroupName& to) const {
  const std::string path = path_of(group.name);
  const std::string doing = fmt::format("cannot rename '{}'", path);
  const sys::Dir directory = directory_of_stored(*root_, groups_directory, doing);
  if (directory.exists(file_name(to))) {
    throw Error(ExitCode::conflict, fmt::format("{}: group '{}' already exists", doing, to.str()));
  }
  std::ignore = unchanged_text(directory, path, group, doing);
  directory.rename_file(file_name(group.name), file_name(to)).or_throw("{}", doing);
  std::ignore = directory.sync();  // as in AtomicFile::commit()
}

void Store::remove_group(const Group& group) const {
  const std::string path = path_of(group.name);
  const std::string doing = fmt::format("cannot delete '{}'", path);
  const sys::Dir directory = directory_of_stored(*root_, groups_directory, doing);
  std::ignore = unchanged_text(directory, path, group, doing);
  remove_stored(directory, file_name(group.name), doing);
}

}  // namespace mdevadm::store
