// Settings of parents, /etc/mdevadm/parents/<parent>.toml, and which of their commands have run since boot,
// /run/mdevadm/parents/<parent>.toml.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/store/parent_file.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/sys/trust.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

#include "files.hpp"
#include "runtime_text.hpp"

namespace mdevadm::store {

namespace {

constexpr const char* settings_directory = "etc/mdevadm/parents";

// Settings contain commands, which run as root. Below --root they do not run.
std::optional<FileProblem> distrust(const std::string& path, bool is_host) {
  const std::optional<sys::Distrust> why = is_host ? sys::find_untrusted(path) : std::nullopt;
  return why ? std::optional(FileProblem{
                   .path = path,
                   .message = "not used, because it can contain commands for root: " + why->reason(),
                   .remedy = why->remedy()})
             : std::nullopt;
}

void load_settings(const sys::Dir& directory, const std::string& file, bool is_host,
                   AllParentSettings& into) {
  if (!is_ours(file)) {
    return;
  }
  const auto name = ParentName::parse(std::string_view(file).substr(0, file.size() - suffix.size()));
  if (!name) {
    into.broken.push_back(
        {.path = directory.path_of(file), .message = "invalid file name (expected PARENT.toml)"});
    return;
  }
  if (const std::string usual = kernel_spelling(name->str()); usual != name->str()) {
    into.broken.push_back(
        {.path = directory.path_of(file),
         .message = fmt::format("the file must have the kernel's name of the parent: {}",
                                usual + std::string(suffix)),
         .remedy = fmt::format("mv {} {}", shell_word(directory.path_of(file)),
                               shell_word(directory.path_of(usual + std::string(suffix))))});
    return;
  }
  const std::optional<std::string> text = read_listed(directory, file, into.broken);
  if (!text) {
    return;
  }
  if (auto problem = distrust(directory.path_of(file), is_host)) {
    into.broken.push_back(*std::move(problem));
    return;
  }
  ParentFileContent content = parse_parent_settings(*text, directory.path_of(file), *name);
  std::move(content.problems.begin(), content.problems.end(), std::back_inserter(into.problems));
  if (content.settings) {
    into.all.push_back(*std::move(content.settings));
  } else {
    into.broken.push_back(std::move(content.problem));
  }
}

// Returns the text of the file. Throws Error{conflict} if it no longer contains the settings.
std::string unchanged_text(const sys::Dir& directory, const std::string& path, const ParentSettings& settings,
                           const std::string& doing) {
  std::string text = read_stored(directory, file_name(settings.parent), doing);
  if (parse_parent_settings(text, path, settings.parent).settings != settings) {
    throw_changed(doing);
  }
  return text;
}

}  // namespace

AllParentSettings Store::load_parent_settings() const {
  AllParentSettings result;
  constexpr const char* content = "the settings of parents";
  const std::optional<sys::Dir> directory = open_to_read(*root_, settings_directory, content);
  if (!directory) {
    return result;
  }
  for (const sys::Entry& entry : entries_in(*directory, content)) {
    load_settings(*directory, entry.name, root_->is_host(), result);
  }
  std::sort(result.all.begin(), result.all.end(), [](const ParentSettings& a, const ParentSettings& b) {
    return natural_less(a.parent.str(), b.parent.str());
  });
  return result;
}

std::string Store::path_of_settings(const ParentName& parent) const {
  return root_->path_of(fmt::format("{}/{}", settings_directory, file_name(parent)));
}

void Store::write_parent_settings(const std::optional<ParentSettings>& before,
                                  const ParentSettings& after) const {
  const std::string path = path_of_settings(after.parent);
  const std::string doing = fmt::format("cannot write '{}'", path);
  const std::string name = file_name(after.parent);
  if (!before) {
    const sys::Dir directory = directory_to_write(*root_, settings_directory, doing);
    if (directory.exists(name)) {
      throw Error(ExitCode::conflict, fmt::format("{}: the file already exists", doing),
                  "fix or remove the file");
    }
    return write_atomically(directory, name, format_parent_settings(after), doing);
  }
  const sys::Dir directory = directory_of_stored(*root_, settings_directory, doing);
  const std::string text = unchanged_text(directory, path, *before, doing);
  write_atomically(
      directory, name,
      edited(text,
             [&](const std::string& plain) { return edit_parent_settings(plain, path, *before, after); }),
      doing);
}

void Store::remove_parent_settings(const ParentSettings& settings) const {
  const std::string path = path_of_settings(settings.parent);
  const std::string doing = fmt::format("cannot delete '{}'", path);
  const sys::Dir directory = directory_of_stored(*root_, settings_directory, doing);
  std::ignore = unchanged_text(directory, path, settings, doing);
  remove_stored(directory, file_name(settings.parent), doing);
}

Preparation Store::load_preparation(const ParentName& parent) const {
  const sys::Result<sys::Dir> directory = root_->open_dir(preparations_directory);
  const sys::Result<std::string> text =
      directory ? directory->read_file(file_name(parent)) : sys::Result<std::string>(directory.error());
  return text ? parse_preparation(*text, parent) : Preparation{parent};
}

void Store::keep_preparation(const Preparation& done) const {
  const std::string doing = fmt::format("cannot record the preparation of '{}'", done.parent.str());
  const sys::Dir directory = root_->make_dirs(preparations_directory).or_throw("{}", doing);
  write_atomically(directory, file_name(done.parent), format_preparation(done), doing);
}

}  // namespace mdevadm::store
