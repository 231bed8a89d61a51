#include "generator.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "context.hpp"

namespace mdevadm::cli {

std::string unit_escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          c == ':' || c == '_' || (c == '.' && !result.empty());
    if (c == '/') {
      result += '-';
    } else if (is_plain) {
      result += c;
    } else {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

void generate_units(const std::string& directory, const std::string& unit_file, const Env& env) {
  try {
    Messages messages(env);
    const Globals globals;
    const Context context(env, globals, messages);
    std::set<std::string> parents;
    const Definitions defined = context.store().load();
    for (const Definition& definition : defined.all) {
      if (definition.start == StartMode::automatic) {
        parents.insert(definition.parent.str());
      }
    }
    for (const ParentSettings& settings : context.store().load_parent_settings().all) {
      parents.insert(settings.parent.str());
    }
    const std::filesystem::path wants = std::filesystem::path(directory) / "mdevadm.target.wants";
    const std::string name = std::filesystem::path(unit_file).filename();
    const std::size_t at = name.find("@.") + 1;
    for (const std::string& parent : parents) {
      std::filesystem::create_directory(wants);
      std::filesystem::create_symlink(unit_file,
                                      wants / (name.substr(0, at) + unit_escaped(parent) + name.substr(at)));
    }
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace mdevadm::cli
