#include "gpu_control.hpp"

#include <fmt/format.h>

#include <mdevadm/util/text.hpp>

namespace mdevadm::sim {

namespace {

const char* mode_word(bool on) {
  return on ? "Enabled" : "Disabled";
}

std::optional<bool> on_or_off(std::string_view word) {
  return word == "on" ? std::optional(true) : word == "off" ? std::optional(false) : std::nullopt;
}

}  // namespace

void GpuControl::publish() {
  Kernfs& files = kernel_.files;
  const NodeId directory = files.directories(Kernfs::root, "kernel/mdevsim/gpus/" + settings_.name);
  files.attribute(
      directory, "unbindLock", 0644, [this] { return Reading{has_unbind_lock_ ? "1\n" : "0\n"}; },
      [this](std::string_view data, const Answer& answer) { write_lock(data, answer); });
  files.attribute(directory, "status", 0444, [this] { return Reading{status()}; });
  files.attribute(directory, "instances", 0444, [this] { return Reading{list_instances()}; });
  files.attribute(directory, "profiles", 0444, [this] { return Reading{list_profiles()}; });
}

// The write succeeds even if the lock is not granted; the reader sees that (nv-procfs.c).
void GpuControl::write_lock(std::string_view data, const Answer& answer) {
  const auto number = parse_kernel_number(data);
  if (!number) {
    return answer(-EINVAL);
  }
  const bool granted = !has_client_ && !sight_.is_open();
  has_unbind_lock_ = *number == 1 && granted;
  if (*number == 1) {
    kernel_.print(granted ? "NVRM: UnbindLock acquired" : "NVRM: Could not acquire UnbindLock");
  }
  answer(static_cast<int>(data.size()));
}

std::string GpuControl::status() const {
  const auto name = parse_vgpu_name(gpu_.model().types.front().name);
  const bool has_mig = !gpu_.model().profiles.empty();
  return fmt::format(
      "product=NVIDIA {}\ndriver={}\nmig={}\nmig_pending={}\nheterogeneous_mode={}\nfunctions={}\nvgpus={}\n",
      name ? name->gpu : "GPU", sight_.driver(), has_mig ? mode_word(gpu_.is_mig()) : "N/A",
      has_mig ? mode_word(gpu_.is_mig_wanted()) : "N/A", gpu_.is_mig() ? "N/A" : mode_word(gpu_.is_mixed()),
      sight_.functions(), gpu_.count());
}

std::string GpuControl::list_instances() const {
  std::string text;
  for (const GpuInstance& instance : gpu_.instances()) {
    text += fmt::format("{} {} {} {} {}\n", instance.id, instance.profile->id, instance.profile->name,
                        mode_word(instance.mixed), instance.has_compute ? 1 : 0);
  }
  return text;
}

std::string GpuControl::list_profiles() const {
  std::string text;
  for (const InstanceProfile& profile : gpu_.model().profiles) {
    text += fmt::format("{} {} {}\n", profile.id, profile.name, profile.most);
  }
  return text;
}

int GpuControl::request_mig(const Words& words) {
  const auto on = words.size() == 1 ? on_or_off(words[0]) : std::nullopt;
  return on ? gpu_.set_mig(*on, sight_.functions() > 0) : EINVAL;
}

int GpuControl::request_instance(const Words& words) {
  const auto number = words.size() >= 2 ? parse_decimal(words[1]) : std::nullopt;
  const auto on = words.size() == 3 ? on_or_off(words[2]) : std::nullopt;
  const auto id = static_cast<unsigned>(number.value_or(0));
  if (number && on && words[0] == "compute") {
    return gpu_.set_compute(id, *on);
  }
  if (!number || words.size() != 2 || (words[0] != "create" && words[0] != "destroy")) {
    return EINVAL;
  }
  return words[0] == "create" ? gpu_.create_instance(id) : gpu_.destroy_instance(id);
}

int GpuControl::request_mixed(const Words& words) {
  const auto on = words.empty() ? std::nullopt : on_or_off(words[0]);
  const auto instance = words.size() == 2 ? parse_decimal(words[1]) : std::nullopt;
  if (!on || words.size() > 2 || (words.size() == 2 && !instance)) {
    return EINVAL;
  }
  return gpu_.set_mixed(*on, instance ? std::optional(static_cast<unsigned>(*instance)) : std::nullopt);
}

int GpuControl::request(const Words& words) {
  if (words.empty()) {
    return EINVAL;
  }
  const std::string_view verb = words.front();
  const Words rest(words.begin() + 1, words.end());
  if (verb == "vgpud" && rest.empty()) {
    gpu_.set_table(true);
    return 0;
  }
  if (verb == "client" && rest.size() == 1 && on_or_off(rest[0])) {
    has_client_ = *on_or_off(rest[0]);
    return 0;
  }
  if (verb != "mig" && verb != "instance" && verb != "mixed") {
    return EINVAL;
  }
  if (sight_.driver() != settings_.driver) {
    return ENXIO;
  }
  return verb == "mig"        ? request_mig(rest)
         : verb == "instance" ? request_instance(rest)
                              : request_mixed(rest);
}

}  // namespace mdevadm::sim
