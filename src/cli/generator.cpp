#include "generator.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <mdevadm/util/text.hpp>
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

namespace {

// Runs one part; a failure is printed and does not prevent the others. systemd writes stderr of generators to
// the journal or the kernel log.
void attempt(const Messages& messages, const std::string& goal, const std::function<void()>& part) {
  try {
    part();
  } catch (const std::exception& error) {
    messages.warning(fmt::format("cannot {}: {}", goal, reason_of(error)));
  }
}

}  // namespace

void generate_units(const std::string& directory, const std::string& unit_file, const Env& env) {
  Messages messages(env);
  attempt(messages, "generate units", [&] {
    const Globals globals;
    const Context context(env, globals, messages);
    std::set<std::string> parents;
    attempt(messages, "generate units of parents with definitions", [&] {
      for (const Definition& definition : context.store().load().all) {
        if (definition.start == StartMode::automatic) {
          parents.insert(definition.parent.str());
        }
      }
    });
    attempt(messages, "generate units of parents with settings", [&] {
      for (const ParentSettings& settings : context.store().load_parent_settings().all) {
        parents.insert(settings.parent.str());
      }
    });
    const std::filesystem::path wants = std::filesystem::path(directory) / "mdevadm.target.wants";
    const std::string name = std::filesystem::path(unit_file).filename();
    const std::size_t at = name.find("@.") + 1;
    for (const std::string& parent : parents) {
      attempt(messages, fmt::format("generate a unit of '{}'", printable(parent)), [&] {
        std::filesystem::create_directory(wants);
        std::filesystem::create_symlink(
            unit_file, wants / (name.substr(0, at) + unit_escaped(parent) + name.substr(at)));
      });
    }
  });
}

}  // namespace mdevadm::cli
