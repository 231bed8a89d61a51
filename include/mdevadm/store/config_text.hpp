// mdevctl's definitions as text: JSON.
#pragma once

#include <mdevadm/model/config.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

// What became of reading one: the config, or what is wrong. Line and column count from 1; 0: it is JSON, and
// no config.
struct ConfigContent {
  std::optional<Config> config{};
  std::size_t line = 0;
  std::size_t column = 0;
  std::string message{};
  std::vector<std::string> unknown{};  // keys that mean nothing to anybody, by their bytes
};

ConfigContent parse_config(std::string_view text);

enum class JsonForm { lines, compact };
// Without a newline at its end.
std::string format_config(const Config& config, JsonForm form);
// As mdevctl lists them, in lines: parents with their devices' configs. Sorted by parent.
std::string format_configs(const std::vector<KeptConfig>& sorted);

}  // namespace mdevadm::store
