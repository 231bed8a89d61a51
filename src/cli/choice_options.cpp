#include "choice_options.hpp"

#include <fmt/format.h>

#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

constexpr std::uint64_t most_devices = 1024;

bool is_any(const std::string& parent) {
  return parent.empty() || parent == any_parent;
}

}  // namespace

void NeedOptions::declare(CLI::App& app, ValueKinds& kinds, const std::string& types,
                          const std::string& meet) {
  need_option_ =
      kinds.set(app.add_option("--need", needs_,
                               fmt::format("{} {} this requirement, e.g. framebuffer>=2G; can be given "
                                           "multiple times",
                                           types, meet))
                    ->allow_extra_args(false),
                ValueKind::need);
  series_option_ = kinds.set(app.add_option("--series", series_,
                                            fmt::format("{} of this series (NVIDIA), e.g. Q or Q,B; can be "
                                                        "given multiple times",
                                                        types))
                                 ->allow_extra_args(false),
                             ValueKind::series);
}

void NeedOptions::exclude(CLI::Option* other) const {
  need_option_->excludes(other);
  series_option_->excludes(other);
}

std::vector<Requirement> NeedOptions::requirements() const {
  std::vector<Requirement> result;
  for (const std::string& text : needs_) {
    result.push_back(*parse_requirement(text));
  }
  if (!series_.empty()) {
    result.push_back(*parse_requirement(fmt::format("series={}", to_upper(join(series_, ",")))));
  }
  return result;
}

void ChoiceOptions::declare(CLI::App& app, ValueKinds& kinds, CLI::Option* type) {
  needs_.declare(app, kinds, "select the smallest available type", "that meets");
  needs_.exclude(type);
  count_option_ = kinds.set(
      app.add_option("--count", count_, "number of devices of the same type, all or none"), ValueKind::count);
  kinds.set(app.add_option("--placement", placement_,
                           "of several parents, select the one with the most available instances (spread, "
                           "default) or, of those with devices, the one with the fewest (pack)"),
            ValueKind::placement);
  app.add_flag("--ignore-defined", ignore_defined_,
               "count only active devices when a parent is selected, not definitions");
}

void ChoiceOptions::exclude(CLI::Option* other) const {
  needs_.exclude(other);
  count_option_->excludes(other);
}

std::string ChoiceOptions::parent_of(Context& context, const std::string& parent, const std::string& vf) {
  return is_any(parent) && !vf.empty() && vf != any_function ? context.parent_name(vf) : parent;
}

std::string ChoiceOptions::function_of(const Context& context, const std::string& parent,
                                       const std::string& vf) const {
  const auto& of_parent = context.vf_as_parent();
  if (!of_parent) {
    return vf;
  }
  if (!vf.empty() && vf != any_function && vf != of_parent->str()) {
    throw Error(
        ExitCode::usage,
        fmt::format("--parent and --vf name different virtual functions ({} and {})", of_parent->str(), vf),
        "specify the GPU as the parent: --parent " + parent);
  }
  if (devices() > 1 && vf != any_function) {
    throw Error(ExitCode::usage,
                fmt::format("several devices cannot use the same virtual function ({})", of_parent->str()),
                "specify the GPU as the parent: --parent " + parent);
  }
  return vf.empty() ? of_parent->str() : vf;
}

std::string ChoiceOptions::doing(const std::string& verb) const {
  return devices() > 1 ? fmt::format("cannot {} {} devices", verb, devices())
                       : fmt::format("cannot choose a {}", by_need() ? "type" : "parent");
}

bool ChoiceOptions::chooses(const std::string& parent) const {
  return by_need() || parent == any_parent || devices() > 1;
}

const char* ChoiceOptions::given() const {
  return by_need()             ? "--need"
         : count_              ? "--count"
         : !placement_.empty() ? "--placement"
         : ignore_defined_     ? "--ignore-defined"
                               : nullptr;
}

void ChoiceOptions::check(const std::string& parent) const {
  if (!placement_.empty() && !(is_any(parent) && chooses(parent))) {
    throw Error(ExitCode::usage, "--placement selects among parents (expected --parent any, or --need)",
                "let the parent be selected with --parent any");
  }
  if (ignore_defined_ && !count_ && !chooses(parent)) {
    throw Error(ExitCode::usage,
                "--ignore-defined requires that a parent or a type is selected (expected --parent any, "
                "--need or --count)",
                "let the parent be selected with --parent any");
  }
  if (devices() > most_devices) {
    throw Error(ExitCode::usage,
                fmt::format("--count: invalid number '{}' (expected at most {})", *count_, most_devices));
  }
}

ChoiceRequest ChoiceOptions::request(Context& context, const std::string& parent,
                                     const std::string& type) const {
  ChoiceRequest request;
  request.needs = needs_.requirements();
  request.type = type;
  request.parent = is_any(parent) ? std::nullopt : ParentName::parse(parent);
  request.count = devices();
  request.placement = parse_placement(placement_).value_or(Placement::spread);
  request.counting = ignore_defined_ ? Counting::active : Counting::defined;
  for (const ParentSettings& settings : context.parent_settings_if_readable().all) {
    if (mixes_sizes(settings)) {
      request.mixed.push_back(settings.parent);
    }
  }
  return request;
}

}  // namespace mdevadm::cli
