#include "shared_keys.hpp"

#include <fmt/format.h>

#include <charconv>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::store {

namespace {

std::uint32_t file_mode(const toml::node& node) {
  const std::string text = text_of(node, "mode");
  const std::optional<std::uint32_t> mode = file_mode_of(text);
  if (!mode) {
    broken(node,
           fmt::format("'mode' must be octal permissions such as \"0660\", not \"{}\"", printable(text)));
  }
  return *mode;
}

std::string account(const toml::node& node, std::string_view key) {
  std::string text = text_of(node, key);
  if (!is_account(text)) {
    broken(node, fmt::format("'{}' must be the name or ID of a {}, not \"{}\"", key,
                             key == "owner" ? "user" : "group", printable(text)));
  }
  return text;
}

}  // namespace

std::optional<StartMode> start_mode_of(std::string_view text) {
  return text == "auto"     ? std::optional(StartMode::automatic)
         : text == "manual" ? std::optional(StartMode::manual)
                            : std::nullopt;
}

std::optional<std::uint32_t> file_mode_of(std::string_view text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  const bool is_mode = !text.empty() && error == std::errc{} && end == text.data() + text.size();
  return is_mode && mode <= 0777 ? std::optional(mode) : std::nullopt;
}

std::optional<FunctionName> function_of(std::string_view text) {
  const std::string name = kernel_spelling(text);
  return name == any_function || is_pci_address(name) ? FunctionName::parse(name) : std::nullopt;
}

StartMode read_start_mode(const toml::node& node) {
  const std::string text = text_of(node, "start");
  const std::optional<StartMode> mode = start_mode_of(text);
  if (!mode) {
    broken(node, fmt::format("'start' must be \"auto\" or \"manual\", not \"{}\"", printable(text)));
  }
  return *mode;
}

std::optional<NodePolicy> read_node_policy(const toml::node& node, const std::string& path,
                                           std::vector<FileProblem>& problems) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    broken(node, fmt::format("'node' must be a table ([node]), not {}", kind_name(node)));
  }
  NodePolicy policy;
  ValueReader values;
  for (const auto& [name, node_of_key] : *table) {
    values.read([&, &key = name, &value = node_of_key] {
      if (key == "owner") {
        policy.owner = account(value, key.str());
      } else if (key == "group") {
        policy.group = account(value, key.str());
      } else if (key == "mode") {
        policy.mode = file_mode(value);
      } else if (key == "selinux_label") {
        policy.selinux_label = text_of(value, key.str());
      } else {
        problems.push_back(unknown_key(path, key));
      }
    });
  }
  values.end();
  return policy == NodePolicy{} ? std::nullopt : std::optional(policy);
}

std::vector<KeyText> node_keys(const std::optional<NodePolicy>& policy) {
  const NodePolicy& node = policy ? *policy : NodePolicy{};
  const auto text = [](const std::optional<std::string>& value) {
    return value ? std::optional(toml_string(*value)) : std::nullopt;
  };
  return {{"owner", text(node.owner)},
          {"group", text(node.group)},
          {"mode", node.mode ? std::optional(fmt::format("\"{:04o}\"", *node.mode)) : std::nullopt},
          {"selinux_label", text(node.selinux_label)}};
}

FileProblem unknown_key(const std::string& path, const toml::key& key) {
  const toml::source_position where = key.source().begin;
  return {path, where.line, where.column,
          fmt::format("unknown key '{}'{}", printable(key.str()), ignored_key_ending)};
}

}  // namespace mdevadm::store
