#include <mdevadm/model/definition.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/settable_file.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

namespace mdevadm {

bool assigns_queue(const Attribute& attribute) {
  const std::string& name = attribute.name.str();
  return name == "assign_adapter" || name == "assign_domain" || name == "assign_control_domain";
}

std::optional<AttributeName> attribute_of_type(const Attribute& attribute) {
  constexpr std::string_view directory = "mdev_type/";
  const std::string& name = attribute.name.str();
  return name.starts_with(directory) ? AttributeName::parse(name.substr(directory.size())) : std::nullopt;
}

namespace {

bool is_vgpu_params(const AttributeName& name) {
  return name.str().substr(name.str().rfind('/') + 1) == "vgpu_params";
}

}  // namespace

bool loses_last_byte(const Attribute& attribute) {
  return is_vgpu_params(attribute.name);
}

bool reports_what_was_set(const AttributeName& name) {
  return is_vgpu_params(name);
}

std::optional<std::string> vm_in(const std::string& create_args) {
  for (const std::string_view field : split(create_args, ',')) {
    if (field.starts_with(vm_argument)) {
      return std::string(field.substr(std::string_view(vm_argument).size()));
    }
  }
  return std::nullopt;
}

std::string FileProblem::str() const {
  return line == 0 ? fmt::format("{}: {}", path, message)
                   : fmt::format("{}:{}:{}: {}", path, line, column, message);
}

std::vector<const Definition*> Definitions::find(const Uuid& uuid) const {
  std::vector<const Definition*> found;
  for (const Definition& definition : all) {
    if (definition.uuid == uuid) {
      found.push_back(&definition);
    }
  }
  return found;
}

const Definition* Definitions::find(const Uuid& uuid, const ParentName& parent) const {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Definition& d) { return d.uuid == uuid && d.parent == parent; });
  return found == all.end() ? nullptr : &*found;
}

const Definition* Definitions::find_label(const Label& name) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Definition& d) { return d.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Definition as_stored(Definition definition) {
  if (definition.directory) {
    if (definition.function && definition.function->str() == definition.directory->str()) {
      definition.function.reset();
    }
    definition.parent = *std::exchange(definition.directory, std::nullopt);
  }
  return definition;
}

Definition of_directory(Definition stored, const ParentName& gpu) {
  if (!stored.function) {
    stored.function = FunctionName::parse(stored.parent.str());
  }
  stored.directory = std::exchange(stored.parent, gpu);
  return stored;
}

Definition with_vf_as_parent(Definition definition) {
  if (const FunctionName* vf = definition.directory ? nullptr : definition.reserved_vf()) {
    definition.directory = ParentName::parse(vf->str());
  }
  return as_stored(std::move(definition));
}

const FunctionName* Definition::reserved_vf() const {
  return function && function->str() != any_function ? &*function : nullptr;
}

const FileProblem* Definitions::unknown_reservations(const ParentName& parent) const {
  const auto found = std::find_if(unknown_settings.begin(), unknown_settings.end(),
                                  [&](const auto& one) { return one.first.value_or(parent) == parent; });
  return found == unknown_settings.end() ? nullptr : &found->second;
}

bool Definitions::withholds(const ParentName& parent, const std::string& vf) const {
  return std::any_of(withheld.begin(), withheld.end(),
                     [&](const auto& one) { return one.first == parent && one.second.str() == vf; });
}

}  // namespace mdevadm
