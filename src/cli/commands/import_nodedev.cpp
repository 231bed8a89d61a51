// The command that defines devices from libvirt's XML.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/store/node_device.hpp>
#include <mdevadm/util/text.hpp>

#include "../ap_options.hpp"
#include "../batch.hpp"
#include "../definition_options.hpp"
#include "../host_source.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class ImportNodedev final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("file", files_, "files with the XML of a mediated device; -: standard input"),
              ValueKind::file);
    kinds.set(app.add_option("--name", name_, "name of the definition, with one FILE"), ValueKind::label);
    mode_.declare(app, false);
    app.add_flag("--force", force_, "define even if the parent or type does not exist on this host");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    if (files_.empty()) {
      throw Error(ExitCode::usage, "missing argument FILE",
                  "virsh nodedev-dumpxml DEVICE | mdevadm import nodedev -");
    }
    if (!name_.empty() && files_.size() > 1) {
      throw Error(ExitCode::usage, "--name needs exactly one FILE: names are unique");
    }
    Batch batch(change_, "import");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    Definitions defined = batch.load_definitions(context);
    batch.print_uuids();
    for (const std::string& file : files_) {
      try {
        const Definition wanted = read(context, file);
        const Snapshot seen = context.observe({facets_to_define, std::vector{wanted.parent}, std::nullopt});
        const std::string argument = file == "-" ? "" : file;  // messages name the device, not the stream
        const Identity about = identity_of(wanted, argument);
        batch.add(about, [&] {
          batch.require_definitions(about);
          const Definition* stored = defined.find(wanted.uuid, wanted.parent);
          if (stored != nullptr && is_same(seen, *stored, wanted)) {
            Job job{"import " + about.quoted(), about, wanted.parent.str()};
            job.notes.push_back(identity_of(*stored, argument).quoted() + " is unchanged");
            return job;
          }
          return plan_define(seen, defined,
                             {.wanted = wanted,
                              .text = std::nullopt,
                              .fits = force_ ? FitsHost::later : FitsHost::required,
                              .argument = argument,
                              .verb = "import"});
        });
        defined.all.push_back(wanted);  // for conflicts with the files after it
      } catch (const Error& error) {
        batch.refuse({.argument = file}, error);
      }
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  // Returns whether a definition has what the XML and the options say.
  bool is_same(const Snapshot& seen, const Definition& stored, const Definition& wanted) const {
    return means_type(seen.find_parent(wanted.parent.str()), wanted.type, stored.type) &&
           stored.attributes == wanted.attributes && (name_.empty() || stored.name == wanted.name) &&
           (!mode_.mode() || stored.start == wanted.start) &&
           (!wanted.function || stored.function == wanted.function);
  }

  Definition read(Context& context, const std::string& file) const {
    const std::string doing = fmt::format("cannot import '{}'", printable(file));
    const std::string text = read_input(file, doing);
    try {
      const store::NodeDevice device = store::parse_node_device(text);
      const std::string word = parent_of(context, device.parent);
      const auto parent = ParentName::parse(word);
      if (!parent) {
        throw Error(ExitCode::failed, fmt::format("invalid parent '{}'", printable(device.parent)));
      }
      Definition definition{
          .uuid = device.uuid.value_or(Uuid::random()), .parent = *parent, .type = device.type};
      definition.start = mode_.mode().value_or(StartMode::manual);
      definition.name = Label::parse(name_);
      definition.attributes = device.attributes;
      definition.function = context.vf_as_parent();
      for (const Attribute& attribute : definition.attributes) {
        if (const std::string problem = ap_value_problem(attribute); !problem.empty()) {
          throw Error(ExitCode::failed, fmt::format("attribute '{}': {}", attribute.name.str(), problem));
        }
      }
      return definition;
    } catch (const Error& error) {
      throw Error(error.reworded(fmt::format("{}: {}", doing, error.what())));
    }
  }

  // Returns the name of a parent that libvirt gives by its address or by its own name for it.
  static std::string parent_of(Context& context, const std::string& text) {
    const std::string name = kernel_spelling(text);
    for (const Parent& parent : context.observe({Facet::parents, std::nullopt, std::nullopt}).parents) {
      if (libvirt_name(parent.name.str(), parent.path) == text) {
        return parent.name.str();
      }
    }
    return context.parent_name(name);
  }

  std::vector<std::string> files_;
  std::string name_;
  StartModeOptions mode_;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_import_nodedev() {
  return std::make_unique<ImportNodedev>();
}

}  // namespace mdevadm::cli
