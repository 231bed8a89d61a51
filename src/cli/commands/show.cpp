#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/util/text.hpp>

#include "../definition_options.hpp"
#include "../device_rows.hpp"
#include "../listing.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// The arguments, each resolved on its own, and what was observed of them.
struct Shown {
  Snapshot seen;
  Definitions defined;
  Groups groups;
  BootEvents boot;
  std::vector<render::DeviceRow> all;               // of the host
  std::vector<render::DeviceRow> devices;           // of the arguments
  std::vector<render::ParentRow> parents;           // of the arguments
  std::vector<render::HostDeviceRow> host_devices;  // of the arguments
};

class ShowCommand final : public ListingCommand<render::DeviceRow> {
 public:
  ShowCommand() : ListingCommand(render::device_columns(), {}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override {
    auto* words = kinds.set(
        app.add_option("device,-u,--uuid", words_,
                       "devices (UUID, unique UUID prefix, name or shell pattern), parents, or addresses"),
        ValueKind::device_or_parent);
    app.add_flag("-a,--all", all_, "show all devices that are active or defined")->excludes(words);
    kinds.set(app.add_option("-p,--parent", parent_, "select the definition under this parent"),
              ValueKind::parent);
    listing_.declare(app, kinds);
  }

  ExitCode list(Context& context) override {
    if (words_.empty() && !all_) {
      throw Error(ExitCode::usage, "missing argument DEVICE",
                  "mdevadm show DEVICE; list all devices: mdevadm list --all");
    }
    words_ = subchannels_meant_by(words_, context);
    const std::vector<ParentName> parents = parents_in(context);
    Shown shown;
    shown.defined = context.definitions_if_readable();
    if (all_ || json() || parents.size() < words_.size()) {
      shown.groups = context.groups_if_readable();
      shown.boot = context.store().load_boot_events();
    }
    shown.seen = observe(context, parents, shown);
    context.exclude_reserved_functions(shown.seen);
    shown.all = device_rows(shown.seen, shown.defined, shown.groups, shown.boot, context.store());
    if (all_) {
      take_all(context, shown);
    }
    std::size_t missing = 0;
    for (const std::string& word : words_) {
      try {
        try {
          take(word, parents, shown);
        } catch (const Error& error) {
          throw naming_group(context, error, word, "show");
        }
      } catch (const Error& error) {
        if (words_.size() == 1) {
          throw;
        }
        context.messages().error(error);
        ++missing;
      }
    }
    for (const render::ParentRow& row : shown.parents) {
      if (!row.parent->table_problem.empty()) {
        context.messages().note(fmt::format("{}: {}", row.parent->name.str(), row.parent->table_problem));
      }
    }
    for (const render::DeviceRow& row : shown.devices) {
      if (row.definition != nullptr) {
        context.warn_about_file(shown.defined, *row.definition);
      } else {
        context.warn_about_unusable(shown.defined, *row.device);
      }
    }
    context.out = listing_.json() ? as_json(shown, context) : as_text(shown, context);
    return missing == 0 ? ExitCode::done : missing == words_.size() ? ExitCode::not_found : ExitCode::partial;
  }

  std::vector<Candidate> columns_for(const std::string& argument, Context& context) const override {
    const Snapshot known = context.observe({Facet::parents, std::nullopt, std::nullopt});
    if (parent_meant_by(argument, known) == nullptr) {
      return Command::columns_for(argument, context);
    }
    std::vector<Candidate> columns;
    for (const auto& column : render::parent_columns()) {
      columns.push_back({std::string(column.info.key), std::string(column.info.help)});
    }
    return columns;
  }

  // Lists the columns of parents or addresses if an argument is one.
  std::string columns_text(Context& context) override {
    if (!parents_in(context).empty()) {
      return parent_listing().render_columns(context.env());
    }
    const bool has_address = std::any_of(words_.begin(), words_.end(), [&](const std::string& word) {
      const std::vector<HostDevice> devices = context.host().observe_address(kernel_spelling(word));
      return std::any_of(devices.begin(), devices.end(),
                         [](const HostDevice& one) { return one.bus != "mdev"; });
    });
    return has_address ? host_device_listing().render_columns(context.env())
                       : listing_.render_columns(context.env());
  }

 private:
  // Returns the subchannels for device numbers, also for one that names a subchannel, too. Every other word
  // stays as it is.
  static std::vector<std::string> subchannels_meant_by(const std::vector<std::string>& words,
                                                       const Context& context) {
    std::vector<std::string> result;
    for (const std::string& word : words) {
      const bool is_number = is_channel_address(kernel_spelling(word));
      result.push_back(is_number ? context.device_name(word) : word);
      const auto other = is_number ? context.other_subchannel(word) : std::nullopt;
      if (other && std::find(words.begin(), words.end(), *other) == words.end()) {
        result.push_back(*other);
      }
    }
    return result;
  }

  // Returns the parents among the arguments.
  std::vector<ParentName> parents_in(Context& context) const {
    std::vector<ParentName> names;
    const Snapshot known = context.observe({Facet::parents, std::nullopt, std::nullopt});
    for (const std::string& word : words_) {
      if (const Parent* parent = parent_meant_by(word, known)) {
        names.push_back(parent->name);
      }
    }
    return names;
  }

  // Returns the parent of this name, or of this address in another notation. Other forms of a parent, such as
  // 0313, could also be a UUID prefix or the name of a device.
  static const Parent* parent_meant_by(const std::string& word, const Snapshot& seen) {
    const Parent* parent = seen.find_parent(word);
    return parent != nullptr ? parent : seen.find_parent(kernel_spelling(word));
  }

  Listing<render::ParentRow> parent_listing() const {
    Listing<render::ParentRow> listing(render::parent_columns(), {});
    listing.follow(listing_);
    return listing;
  }

  Listing<render::HostDeviceRow> host_device_listing() const {
    Listing<render::HostDeviceRow> listing(render::host_device_columns(), {});
    listing.follow(listing_);
    return listing;
  }

  // Returns the arguments as names of devices of the host.
  std::vector<std::string> addresses() const {
    std::vector<std::string> names;
    for (const std::string& word : words_) {
      names.push_back(kernel_spelling(word));
      const std::vector<std::string> meant = possible_pci_addresses(word);
      names.insert(names.end(), meant.begin(), meant.end());
      // Only for the hint if the word means no device.
      if (const std::string number = "0.0." + to_lower(word); is_channel_address(number)) {
        names.push_back(number);
      }
    }
    return names;
  }

  Snapshot observe(Context& context, const std::vector<ParentName>& parents, const Shown& shown) const {
    const bool has_address = std::any_of(words_.begin(), words_.end(), [](const std::string& word) {
      return is_pci_address(kernel_spelling(word));
    });
    const bool has_crypto = std::any_of(words_.begin(), words_.end(), [](const std::string& word) {
      return is_crypto_address(kernel_spelling(word));
    });
    const Facet of_crypto = has_crypto ? queue_facets : Facet::none;
    if (parents.empty()) {
      Scope scope{listing_.needs_if_any() | Facet::devices | Facet::parents | of_crypto |
                      (has_address ? Facet::gpus | Facet::types : Facet::none),
                  std::nullopt, std::nullopt};
      scope.addresses = addresses();
      return context.observe_settings(std::move(scope), shown.defined, shown.groups);
    }
    const bool only_parents = parents.size() == words_.size();
    const Facet of_devices = only_parents ? Facet::none : listing_.needs_if_any();
    const Facet of_parents =
        parent_listing().needs_if_any() | types_table().needs() | devices_table().needs();
    Scope scope{of_parents | of_devices | Facet::types | Facet::devices | of_crypto |
                    (has_address ? Facet::gpus : Facet::none),
                only_parents ? std::optional(parents) : std::nullopt, std::nullopt};
    scope.addresses = addresses();
    return context.observe_settings(std::move(scope), shown.defined, shown.groups);
  }

  void take_all(Context& context, Shown& shown) const {
    if (!parent_.empty()) {
      require_known_parent(context.observe({Facet::parents, std::nullopt, std::nullopt}), shown.defined,
                           parent_, "cannot show devices");
    }
    std::copy_if(
        shown.all.begin(), shown.all.end(), std::back_inserter(shown.devices),
        [&](const render::DeviceRow& row) { return parent_.empty() || row.parent().str() == parent_; });
    if (shown.devices.empty()) {
      context.messages().note("no device is active or defined");
    }
  }

  void take(const std::string& word, const std::vector<ParentName>& parents, Shown& shown) const {
    const Parent* parent = parent_meant_by(word, shown.seen);
    if (parent == nullptr || std::find(parents.begin(), parents.end(), parent->name) == parents.end()) {
      if (!take_host_devices(word, shown)) {
        take_device(word, shown);
      }
      return;
    }
    const auto count = std::count_if(shown.seen.devices.begin(), shown.seen.devices.end(),
                                     [&](const Device& device) { return device.parent == parent->name; });
    shown.parents.push_back({parent, static_cast<std::size_t>(count), notice_of(shown.seen, *parent),
                             &shown.seen, &shown.defined});
  }

  // Returns whether the name is that of a virtual function with a device, or for one.
  static bool is_place(const Shown& shown, const std::string& name, const std::vector<HostDevice>& devices) {
    const auto is_function_of_parent = [&](const HostDevice& device) {
      return device.physical && shown.seen.find_parent(*device.physical) != nullptr;
    };
    const auto reserves = [&](const Definition& definition) {
      const FunctionName* vf = definition.reserved_vf();
      return vf != nullptr && vf->str() == name;
    };
    return shown.seen.functions.contains(name) ||
           std::any_of(devices.begin(), devices.end(), is_function_of_parent) ||
           std::any_of(shown.defined.all.begin(), shown.defined.all.end(), reserves);
  }

  // Returns whether the word is the address of a device of the host that is neither a parent nor a mediated
  // device, nor a virtual function with a device or for one.
  static bool take_host_devices(const std::string& word, Shown& shown) {
    const std::string name = kernel_spelling(word);
    const auto found = shown.seen.host_devices.find(name);
    const auto label = Label::parse(word);
    const bool is_defined = label && shown.defined.find_label(*label) != nullptr;
    if (found == shown.seen.host_devices.end() || is_defined || is_place(shown, name, found->second)) {
      return false;
    }
    const std::size_t before = shown.host_devices.size();
    for (const HostDevice& device : found->second) {
      if (device.bus != "mdev" && shown.seen.find_parent(device.address) == nullptr) {
        const Finding finding = why_no_types(shown.seen, device.address)
                                    .value_or(why_no_parent(device, shown.seen, &shown.defined));
        const auto owner = owner_of_queue(device, shown.seen);
        shown.host_devices.push_back(
            {&device, finding.what, finding.advice, owner ? owner->kind : "",
             owner && owner->device != nullptr ? owner->device->uuid.str() : std::string{}});
      }
    }
    return shown.host_devices.size() > before;
  }

  void take_device(const std::string& word, Shown& shown) const {
    const auto under = parent_option(parent_);
    const std::string doing = fmt::format("cannot show '{}'", printable(word));
    for (const std::string& name : expand_pattern(word, shown.defined, under, doing)) {
      const Found found = resolve_device(name, shown.seen, shown.defined, under, doing);
      for (const render::DeviceRow& row : shown.all) {
        if (includes(found, row.device, row.definition)) {
          shown.devices.push_back(row);
        }
      }
    }
  }

  std::string as_json(const Shown& shown, Context& context) const {
    render::Record fields;
    const bool has_others = !shown.parents.empty() || !shown.host_devices.empty();
    if (has_others) {
      fields.emplace_back("parents", parents_of(shown));
    }
    if (!shown.host_devices.empty()) {
      fields.emplace_back("host_devices", render::json_rows(host_device_listing().grid(shown.host_devices)));
    }
    if (!shown.devices.empty() || !has_others) {
      fields.emplace_back("devices", render::json_rows(listing_.grid(shown.devices)));
    }
    fields.emplace_back("notes", render::Texts{context.messages().take_notes()});
    return render::render_json(fields);
  }

  render::List parents_of(const Shown& shown) const {
    render::List rows = render::json_rows(parent_listing().grid(shown.parents));
    for (std::size_t i = 0; has_tables() && i < rows.items.size(); ++i) {
      const render::ParentRow& parent = shown.parents[i];
      rows.items[i].emplace_back("type_list", render::json_rows(types_table().grid(types_of(parent, shown))));
      rows.items[i].emplace_back("device_list",
                                 render::json_rows(devices_table().grid(devices_of(parent, shown))));
    }
    return rows;
  }

  std::string as_text(const Shown& shown, Context& context) const {
    const render::TableStyle style = listing_.style(context.env());
    std::string text;
    const auto add = [&](const std::string& part) {
      text += (text.empty() || part.empty() ? "" : "\n") + part;
    };
    for (const render::ParentRow& parent : shown.parents) {
      add(render::render_sheet(parent_listing().grid({parent}), style));
      if (has_tables()) {
        add(types_table().render(types_of(parent, shown), "types", context));
        add(devices_table().render(devices_of(parent, shown), "devices", context));
      }
    }
    for (const render::HostDeviceRow& device : shown.host_devices) {
      add(render::render_sheet(host_device_listing().grid({device}), style));
    }
    if (!shown.devices.empty()) {
      add(render::render_sheet(listing_.grid(shown.devices), style));
    }
    return text;
  }

  // Whether a parent is printed with its types and devices: tables below its sheet, lists in JSON.
  bool has_tables() const { return listing_.wanted().empty(); }

  // With -o, the tables are not printed, and the columns are not theirs.
  template <typename Row>
  void follow(Listing<Row>& table) const {
    if (has_tables()) {
      table.follow(listing_);
    }
  }

  Listing<render::TypeRow> types_table() const {
    Listing<render::TypeRow> table{render::type_columns(),
                                   {"type", "name", "available", "memory", "properties"}};
    follow(table);
    return table;
  }

  Listing<render::DeviceRow> devices_table() const {
    Listing<render::DeviceRow> table{render::device_columns(), {"name", "type", "state", "uuid"}};
    follow(table);
    return table;
  }

  static std::vector<render::TypeRow> types_of(const render::ParentRow& parent, const Shown& shown) {
    std::vector<render::TypeRow> rows;
    for (const Type* type : parent.parent->all_types()) {
      rows.push_back({parent.parent, type, count_devices(shown.seen, *parent.parent, *type), true});
    }
    return rows;
  }

  static std::vector<render::DeviceRow> devices_of(const render::ParentRow& parent, const Shown& shown) {
    std::vector<render::DeviceRow> rows;
    std::copy_if(shown.all.begin(), shown.all.end(), std::back_inserter(rows),
                 [&](const render::DeviceRow& row) {
                   return row.device != nullptr && row.parent() == parent.parent->name;
                 });
    return rows;
  }

  std::vector<std::string> words_;
  bool all_ = false;
  std::string parent_;
};

}  // namespace

std::unique_ptr<Command> make_show() {
  return std::make_unique<ShowCommand>();
}

}  // namespace mdevadm::cli
