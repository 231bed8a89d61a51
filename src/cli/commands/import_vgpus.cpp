// The command that turns a configuration of vgpu-device-manager into a description of the host.
#include <fmt/format.h>

#include <mdevadm/plan/vgpu_manager.hpp>
#include <mdevadm/store/host_file.hpp>
#include <mdevadm/store/vgpu_manager_file.hpp>
#include <mdevadm/util/text.hpp>

#include "../definition_options.hpp"
#include "../host_source.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class ImportVgpus final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("file", file_, "configuration file in YAML; -: standard input")->required(),
              ValueKind::file);
    kinds.set(app.add_option("--config", name_,
                             "configuration in the file (default: the only one, or the one called default)"),
              ValueKind::vgpu_config);
    mode_.declare(app, false);
  }

  ExitCode run(Context& context) override {
    const std::string doing = fmt::format("cannot import '{}'", printable(file_));
    const std::string text = read_input(file_, doing);
    const std::vector<VgpuConfig> configs = parse(context, text);
    const VgpuConfig& config = choose_vgpu_config(configs, name_, doing);
    Snapshot seen;
    if (has_gpu_indices(config)) {
      seen = context.observe({Facet::parents | Facet::gpus, std::nullopt, std::nullopt});
    }
    const VgpuDescription description =
        describe_vgpus(config, seen.gpus, mode_.mode().value_or(StartMode::manual));
    for (const std::string& warning : description.warnings) {
      context.messages().warning(warning);
    }
    context.out = fmt::format("# The configuration {} of {}, a file of vgpu-device-manager\n",
                              shell_word(config.name), shell_word(file_)) +
                  store::format_host(description.file);
    return ExitCode::done;
  }

 private:
  // Prints all problems of the file but the last one, and throws that.
  std::vector<VgpuConfig> parse(const Context& context, const std::string& text) const {
    store::VgpuManagerContent content =
        store::parse_vgpu_manager(file_ == "-" ? "standard input" : file_, text);
    for (std::size_t i = 0; i < content.problems.size(); ++i) {
      const Error error(ExitCode::failed, fmt::format("cannot import: {}", content.problems[i].str()));
      if (i + 1 == content.problems.size()) {
        throw Error(error);
      }
      context.messages().error(error);
    }
    return std::move(content.configs);
  }

  std::string file_;
  std::string name_;
  StartModeOptions mode_;
};

}  // namespace

std::unique_ptr<Command> make_import_vgpus() {
  return std::make_unique<ImportVgpus>();
}

}  // namespace mdevadm::cli
