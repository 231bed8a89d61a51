// The flat interface of 2016: PARENT/{mdev_supported_types, mdev_create, mdev_destroy}, with the types as
// lines of one file. Four forms: versions 2 to 4 and versions 5 to 6 of the patches, in which the devices of
// a virtual machine share a UUID and are numbered; version 7, in which each device is switched online
// separately; and Jike Song's, with a subdirectory below the parent.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mdevadm/model/type_table.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <span>

#include "interface.hpp"

namespace mdevadm {

namespace {

constexpr const char* types_file = "mdev_supported_types";
constexpr const char* host_directory = "mdev-host";
constexpr const char* class_directory = "sys/class/mdev";

class Flat final : public Interface {
 public:
  enum class Form { shutdown, stop, online, host };

  Flat(Form form, std::string_view name) : form_(form), name_(name) {}

  std::string_view name() const override { return name_; }

  bool recognizes(const SysfsParent& parent) const override {
    if (form_ == Form::host) {
      return is_file(parent.directory, fmt::format("{}/{}", host_directory, types_file));
    }
    const auto has_class_file = [&](const char* name) {
      return parent.root.exists(fmt::format("{}/{}", class_directory, name));
    };
    const Form seen = has_class_file("mdev_shutdown") ? Form::shutdown
                      : has_class_file("mdev_stop")   ? Form::stop
                                                      : Form::online;
    return seen == form_ && is_file(parent.directory, types_file);
  }

  void describe(const SysfsParent& parent, Facet facets, Parent& into) const override {
    into.capabilities.create_arguments = Support::yes;
    into.capabilities.online = form_ != Form::host;
    into.capabilities.online_together = is_numbered();
    into.capabilities.numbered = is_numbered();
    into.capabilities.types_vanish = true;
    into.capabilities.reports_type = false;
    into.home = home(parent);
    if (!has_any(facets, type_facets)) {
      return;
    }
    const std::string text = read_types(parent);
    TypeTable table = parse_type_table(text);
    into.capabilities.any_type = !table.understood;
    into.types_text = table.understood ? std::string{} : text;
    into.types = std::move(table.types);
    std::sort(into.types.begin(), into.types.end(),
              [](const Type& a, const Type& b) { return natural_less(a.id.str(), b.id.str()); });
  }

  Command creation(const SysfsParent& parent, const Creation& what) const override {
    const std::string words = words_for(parse_type_table(read_types(parent)), what);
    const std::string separator = words.empty() ? "" : ":";
    return {parent.path, in_home("mdev_create"),
            fmt::format("{}{}{}\n", address(what.uuid, what.name), separator, words)};
  }

  sys::Result<sys::Done> create(const SysfsParent& parent, const Creation& what) const override {
    // The types on offer change with every created or removed device.
    const TypeTable table = parse_type_table(read_types(parent));
    const bool offered = std::any_of(table.types.begin(), table.types.end(),
                                     [&](const Type& type) { return type.id == what.type; });
    if (table.understood && !offered) {
      return sys::SysError{ENOSPC, types_file};
    }
    return Interface::create(parent, what);
  }

  Command removal(const SysfsParent& parent, const Device& device) const override {
    return {home(parent), "mdev_destroy", address(device.uuid, device.name) + "\n"};
  }

  std::optional<Command> switching(const SysfsParent&, const Device& device, bool online) const override {
    switch (form_) {
      case Form::shutdown:
      case Form::stop:
        return Command{class_directory,
                       online                    ? "mdev_start"
                       : form_ == Form::shutdown ? "mdev_shutdown"
                                                 : "mdev_stop",
                       device.kernel_name().substr(0, uuid_length) + "\n"};
      case Form::online: return Command{device.path, "online", online ? "1\n" : "0\n"};
      default: return std::nullopt;
    }
  }

  std::optional<bool> is_online(const SysfsParent& parent, const Device& device) const override {
    const auto number =
        form_ == Form::online ? read_number(parent.root, device.path.str() + "/online") : std::nullopt;
    return number ? std::optional(*number != 0) : std::nullopt;
  }

  bool reports_type() const override { return false; }

 private:
  static constexpr std::size_t uuid_length = 36;

  static bool is_file(const sys::Dir& directory, const std::string& name) {
    const sys::Result<sys::FileStatus> status = directory.status(name);
    return status && S_ISREG(status->mode);
  }

  bool is_numbered() const { return form_ == Form::shutdown || form_ == Form::stop; }

  std::string in_home(const char* file) const {
    return form_ == Form::host ? fmt::format("{}/{}", host_directory, file) : file;
  }

  std::string home(const SysfsParent& parent) const {
    return form_ == Form::host ? fmt::format("{}/{}", parent.path, host_directory) : parent.path;
  }

  std::string read_types(const SysfsParent& parent) const {
    return parent.directory.read_file(in_home(types_file))
        .or_throw("cannot read the types in '{}'", parent.directory.path_of(in_home(types_file)));
  }

  // Returns "UUID", or "UUID:NUMBER" for a device with the kernel name UUID-NUMBER.
  std::string address(const Uuid& uuid, const std::string& name) const {
    if (!is_numbered()) {
      return uuid.str();
    }
    const bool has_number = name.size() > uuid_length + 1;
    return fmt::format("{}:{}", has_number ? name.substr(0, uuid_length) : uuid.str(),
                       has_number ? name.substr(uuid_length + 1) : "0");
  }

  // Returns the type as KEY=ID, with the key from the table of types, and the create arguments.
  static std::string words_for(const TypeTable& table, const Creation& what) {
    const std::string arguments = what.arguments.value_or("");
    if (!table.understood) {
      return arguments;
    }
    const std::string key = table.id_column + "=";
    for (const std::string_view field : split(arguments, ',')) {
      if (field.starts_with(key) && field.substr(key.size()) != what.type.str()) {
        throw Error(ExitCode::failed,
                    fmt::format("create_args '{}' conflicts with type {}", field, what.type.str()),
                    "remove it from create_args; the type is set automatically");
      }
      if (field.starts_with(key)) {
        return arguments;
      }
    }
    return key + what.type.str() + (arguments.empty() ? "" : "," + arguments);
  }

  Form form_;
  std::string_view name_;
};

}  // namespace

std::span<const Interface* const> flat_interfaces() {
  static const Flat shutdown(Flat::Form::shutdown, "flat-shutdown");
  static const Flat stop(Flat::Form::stop, "flat-stop");
  static const Flat online(Flat::Form::online, "flat-online");
  static const Flat host(Flat::Form::host, "flat-host");
  static constexpr std::array<const Interface*, 4> all{&host, &shutdown, &stop, &online};
  return all;
}

}  // namespace mdevadm
