#include <mdevadm/plan/identity.hpp>

#include <fmt/format.h>

#include <mdevadm/util/text.hpp>

namespace mdevadm {

std::string Identity::key() const {
  return uuid ? uuid->str() : name;
}

std::string Identity::word() const {
  return !argument.empty() ? argument : !name.empty() ? name : key();
}

std::string Identity::quoted() const {
  const std::string shown = word();
  if (!uuid) {
    return fmt::format("'{}'", printable(shown));
  }
  return Uuid::parse(shown) == uuid ? fmt::format("'{}'", uuid->str())
                                    : fmt::format("'{}' ({})", printable(shown), uuid->str());
}

Identity identity_of(const Definition& definition, const std::string& argument) {
  return {definition.uuid, definition.name ? definition.name->str() : std::string{}, argument,
          definition.parent.str(), definition.type.str()};
}

std::string unnamed_device(const Definition& definition) {
  return fmt::format("a device of type '{}' on {}", printable(definition.type.str()),
                     printable(definition.parent.str()));
}

std::string advice_to_apply(const Identity& about) {
  return fmt::format("to apply the definition: mdevadm modify {} --live", shell_word(about.word()));
}

std::string advice_to_restart(const Identity& about) {
  return "to apply the definition: mdevadm restart " + shell_word(about.word());
}

Identity identity_of(const Device& device, const Definition* definition, const std::string& argument) {
  Identity about = definition != nullptr ? identity_of(*definition, argument) : Identity{};
  about.uuid = device.uuid;
  about.argument = argument;
  about.parent = device.parent.str();
  about.type = device.type ? device.type->str() : about.type;
  return about;
}

Identity identity_of(const Group& group) {
  return {.uuid = {}, .name = group.name.str()};
}

}  // namespace mdevadm
