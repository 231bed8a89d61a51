// Text of mdevctl's definitions (JSON).
#pragma once

#include <mdevadm/model/config.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

// Result of parsing: the config, or a problem with its position. Lines and columns count from 1; line 0:
// valid JSON, but not a config.
struct ConfigContent {
  std::optional<Config> config{};
  std::size_t line = 0;
  std::size_t column = 0;
  std::string message{};
  std::vector<std::string> unknown{};  // unknown keys, sorted by bytes
};

ConfigContent parse_config(std::string_view text);

// `lines` is pretty-printed, `compact` is a single line.
enum class JsonForm { lines, compact };
// Formats a config, without a final newline.
std::string format_config(const Config& config, JsonForm form);
// Returns the text of a valid config, changed to another one. Unknown keys remain, after the others.
std::string edited_config(std::string_view text, const Config& config);

// Formats configs sorted by parent in the format of mdevctl's JSON listing: parents with the configs of their
// devices, pretty-printed, without a final newline. Appends to `out`, which the caller may empty each time.
class ConfigList {
 public:
  explicit ConfigList(std::string& out);
  ConfigList(const ConfigList&) = delete;
  ConfigList& operator=(const ConfigList&) = delete;
  ~ConfigList();

  void add(const Uuid& uuid, const ParentName& parent, const Config& config);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mdevadm::store
