#include "definition_options.hpp"

#include <algorithm>

#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

Attribute parse_assignment(const std::string& text) {
  const std::size_t equals = text.find('=');
  return {*AttributeName::parse(text.substr(0, equals)), text.substr(equals + 1)};
}

std::vector<Attribute> parse_assignments(const std::vector<std::string>& texts) {
  std::vector<Attribute> attributes;
  std::transform(texts.begin(), texts.end(), std::back_inserter(attributes), parse_assignment);
  return attributes;
}

std::optional<ParentName> parent_option(const std::string& text) {
  return text.empty() ? std::nullopt : ParentName::parse(text);
}

std::optional<TypeName> type_option(const std::string& text) {
  return text.empty() ? std::nullopt : TypeName::parse(text);
}

void DefinitionOptions::declare(CLI::App& app, ValueKinds& kinds, bool exists) {
  const auto with = [&](const char* text, const char* of_existing) {
    return std::string(text) + (exists ? of_existing : "");
  };
  name_option =
      kinds.set(app.add_option("--name", name,
                               with("name of the device, usable instead of the UUID", "; '' removes it")),
                ValueKind::label);
  kinds.set(app.add_option("--attr", attributes,
                           exists ? "add an attribute after the existing ones (to replace one: also "
                                    "--delete-attr K); can be given multiple times"
                                  : "set attribute at start; can be given multiple times, applied in order")
                ->allow_extra_args(false),
            ValueKind::assignment);
  kinds.set(app.add_option("--create-arg", create_args,
                           exists ? "replace all create arguments; can be given multiple times; '' removes "
                                    "them"
                                  : "create argument passed to the driver; can be given multiple times")
                ->allow_extra_args(false),
            ValueKind::create_argument);
  kinds.set(app.add_option("--aggregate", aggregate, "aggregate N instances into one device"),
            ValueKind::count);
  function_option =
      kinds.set(app.add_option("--vf", function,
                               with("virtual function (PCI address) of the vGPU, reserved for it; "
                                    "any: the first free one at each start",
                                    "; '' removes the reservation")),
                ValueKind::function);
}

bool DefinitionOptions::any_given() const {
  return name_option->count() > 0 || !attributes.empty() || !create_args.empty() || aggregate ||
         function_option->count() > 0;
}

std::optional<std::string> DefinitionOptions::joined_create_args() const {
  return create_args.empty() ? std::nullopt : std::optional(join(create_args, ","));
}

void StartModeOptions::declare(CLI::App& app, bool exists) {
  auto* automatic_flag = app.add_flag("--auto", automatic, "enable autostart at boot");
  app.add_flag("--manual", manual,
               exists ? "disable autostart at boot" : "disable autostart at boot (default)")
      ->excludes(automatic_flag);
}

std::optional<StartMode> StartModeOptions::mode() const {
  return automatic ? std::optional(StartMode::automatic)
         : manual  ? std::optional(StartMode::manual)
                   : std::nullopt;
}

}  // namespace mdevadm::cli
