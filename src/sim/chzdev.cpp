// A part of chzdev: the masks of the AP bus (chzdev -t ap apmask=... aqmask=...).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/util/text.hpp>

#include "host_commands.hpp"

namespace mdevadm::sim {

namespace {

// Returns whether a term without sign is a range whose end is before its begin: chzdev ignores such ranges.
bool is_reversed(const std::string& term) {
  const std::size_t hyphen = term.find('-');
  return hyphen != std::string::npos &&
         std::strtoul(term.c_str(), nullptr, 0) > std::strtoul(term.c_str() + hyphen + 1, nullptr, 0);
}

// Converts chzdev's lists, "0-4,0x10" or "+5,-8-10", to what the mask takes. Returns nullopt for a mixture.
std::optional<std::string> changes_of(std::string_view list) {
  const bool is_relative = list.starts_with('+') || list.starts_with('-');
  std::string text = is_relative ? "" : "-0-255";
  for (const std::string_view term : split(list, ',')) {
    if ((term.starts_with('+') || term.starts_with('-')) != is_relative) {
      return std::nullopt;
    }
    if (is_reversed(std::string(term.substr(is_relative ? 1 : 0)))) {
      continue;
    }
    text += (text.empty() ? "" : ",") + std::string(is_relative ? "" : "+") + std::string(term);
  }
  return text;
}

int refuse_mask(int status, const std::string& why) {
  std::cerr << "chzdev: " << why << '\n';
  return status;
}

int set_mask(std::string_view setting) {
  constexpr int usage = 3, refused = 9;
  const std::string name(setting.substr(0, setting.find('=')));
  const auto changes = changes_of(setting.substr(name.size() + 1));
  if (!changes) {
    return refuse_mask(usage, fmt::format("Invalid mask value: {}", setting));
  }
  const int error = changes->empty() ? 0 : write_line("/sys/bus/ap/" + name, *changes);
  if (error == EBUSY) {
    return refuse_mask(refused, fmt::format("{} conflicts with an active mdev", name));
  }
  if (error != 0) {
    return refuse_mask(refused, fmt::format("Could not write {}: {}", name, sys::errno_text(error)));
  }
  std::cout << fmt::format("AP bus {} updated\n", name);
  return 0;
}

}  // namespace

int chzdev(const std::vector<std::string>& words) {
  std::vector<std::string> settings;
  bool is_ap = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if ((word == "-t" || word == "--type") && i + 1 < words.size()) {
      is_ap = words[++i] == "ap";
    } else if (word.starts_with("apmask=") || word.starts_with("aqmask=")) {
      settings.push_back(word);
    } else if (word != "-e" && word != "-a" && word != "-p" && word != "-y" && word != "ap") {
      return refuse_mask(2, "only -t ap apmask=LIST aqmask=LIST is simulated");
    }
  }
  if (!is_ap || settings.empty()) {
    return refuse_mask(2, "only -t ap apmask=LIST aqmask=LIST is simulated");
  }
  for (const std::string& setting : settings) {
    if (const int status = set_mask(setting)) {
      return status;
    }
  }
  return 0;
}

}  // namespace mdevadm::sim
