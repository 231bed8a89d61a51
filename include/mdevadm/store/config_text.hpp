// Text of mdevctl's definitions (JSON).
#pragma once

#include <mdevadm/model/config.hpp>
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
// Formats a list sorted by parent in the format of mdevctl's JSON listing: parents with the configs of their
// devices, pretty-printed.
std::string format_configs(const std::vector<StoredConfig>& sorted);

}  // namespace mdevadm::store
