#include <algorithm>
#include <mdevadm/plan/check.hpp>
#include <mdevadm/render/metrics.hpp>
#include <mdevadm/util/version.hpp>

#include "../device_rows.hpp"
#include "../host_check.hpp"
#include "../output_file.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

constexpr Facet metrics_facets = Facet::parent_identity | Facet::description | Facet::holders | Facet::claims;

class ExportMetrics final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("--output", file_, "write to FILE, atomically, in place of standard output"),
              ValueKind::file);
  }

  ExitCode run(Context& context) override {
    const HostCheck read = read_host_check(context, {}, metrics_facets);
    // Numbers without these files would be wrong.
    if (!read.unread.empty()) {
      throw Error(ExitCode::failed, "cannot export metrics: " + read.unread.front().message);
    }
    const Snapshot& seen = read.seen;
    render::HostMetrics host{.seen = seen, .version = version};
    host.devices = device_rows(seen, read.defined, read.groups, read.boot, context.store());
    for (const Parent& parent : seen.parents) {
      for (const Type* type : parent.all_types()) {
        host.types.push_back({&parent, type, count_devices(seen, parent, *type)});
      }
    }
    for (const Group& group : read.groups.all) {
      host.groups.push_back(group_row(group, seen, context.store()));
    }
    const std::vector<ObjectFinding> findings = mdevadm::check(read.input());
    std::transform(findings.begin(), findings.end(), std::back_inserter(host.findings), finding_row);
    std::string text = render::render_metrics(host);
    if (file_.empty() || file_ == "-") {
      context.out = std::move(text);
    } else {
      write_output_file(file_, text);
    }
    return ExitCode::done;
  }

 private:
  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_export_metrics() {
  return std::make_unique<ExportMetrics>();
}

}  // namespace mdevadm::cli
