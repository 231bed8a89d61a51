// A part of nvidia-smi: MIG mode, GPU instances, mixed sizes, and their state. The exit codes are those of
// NVML.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <map>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/text.hpp>

#include "host_commands.hpp"

namespace mdevadm::sim {

namespace {

const std::string gpus_directory = "/sys/kernel/mdevsim/gpus/";

struct Nvml {
  int status;
  const char* text;
};

constexpr Nvml not_found{6, "Not Found"};

Nvml nvml_of(int error) {
  switch (error) {
    case EBUSY: return {19, "In use by another client"};
    case EOPNOTSUPP: return {3, "Not Supported"};
    case ENODEV: return not_found;
    case ENOSPC: return {23, "Insufficient Resources"};
    default: return {2, "Invalid Argument"};
  }
}

struct Gpu {
  unsigned index;
  std::string address;
  std::string bus_id() const { return "0000" + address; }  // with a domain of eight digits
};

std::map<std::string, std::string> status_of(const Gpu& gpu) {
  std::map<std::string, std::string> result;
  const std::string text = read_line(gpus_directory + gpu.address + "/status").value_or("");
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t sign = std::min(line.find('='), line.size());
    result[std::string(line.substr(0, sign))] = line.substr(std::min(sign + 1, line.size()));
  }
  return result;
}

// Returns the GPUs that are bound to NVIDIA's driver.
std::vector<Gpu> visible_gpus() {
  std::vector<std::string> names;
  if (const auto directory = sys::Dir::open(gpus_directory)) {
    for (const sys::Entry& entry : directory->entries().or_throw("cannot list {}", gpus_directory)) {
      if (driver_of(entry.name) == "nvidia") {
        names.push_back(entry.name);
      }
    }
  }
  std::sort(names.begin(), names.end());
  std::vector<Gpu> result;
  for (const std::string& name : names) {
    result.push_back({static_cast<unsigned>(result.size()), name});
  }
  return result;
}

// The GPU instances, or the profiles: the words of each line.
std::vector<std::vector<std::string>> table_of(const Gpu& gpu, const char* name) {
  std::vector<std::vector<std::string>> result;
  const std::string text = read_line(gpus_directory + gpu.address + "/" + name).value_or("");
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) {
      const std::vector<std::string_view> fields = split(line, ' ');
      result.emplace_back(fields.begin(), fields.end());
    }
  }
  return result;
}

// Returns 0 or errno.
int request(const std::string& verb, const Gpu& gpu, const std::string& rest) {
  return write_line("/sys/kernel/mdevsim/control", fmt::format("{} {} {}", verb, gpu.address, rest));
}

// The arguments, without the numbers of the GPUs that they select.
struct Arguments {
  std::vector<std::string> words;
  std::vector<Gpu> gpus;
  int status = 0;

  bool has(std::string_view word) const { return std::find(words.begin(), words.end(), word) != words.end(); }
  std::optional<std::string> value(std::string_view option) const {
    const auto found = std::find(words.begin(), words.end(), option);
    return found == words.end() || found + 1 == words.end() ? std::nullopt : std::optional(*(found + 1));
  }
};

// `-i` takes indexes and bus ids, separated by commas.
Arguments select(std::vector<std::string> words) {
  Arguments result{.words = {}, .gpus = visible_gpus()};
  const auto option = std::find_if(words.begin(), words.end(),
                                   [](const std::string& word) { return word == "-i" || word == "--id"; });
  if (option != words.end() && option + 1 != words.end()) {
    std::vector<Gpu> chosen;
    for (const std::string_view wanted : split(*(option + 1), ',')) {
      const auto name = pci_name(wanted);
      const auto found = std::find_if(result.gpus.begin(), result.gpus.end(), [&](const Gpu& gpu) {
        return gpu.address == name || std::to_string(gpu.index) == wanted;
      });
      if (found != result.gpus.end()) {
        chosen.push_back(*found);
      }
    }
    words.erase(option, option + 2);
    result.gpus = chosen;
  }
  result.words = std::move(words);
  if (result.gpus.empty()) {
    std::cout << "No devices were found\n";
    result.status = not_found.status;
  }
  return result;
}

int set_mig(const Arguments& arguments) {
  const bool on = arguments.value("-mig") == "1";
  const char* verb = on ? "enable" : "disable";
  for (const Gpu& gpu : arguments.gpus) {
    if (const int error = request("mig", gpu, on ? "on" : "off")) {
      const Nvml nvml = nvml_of(error);
      std::cout << fmt::format(
          "Unable to {} MIG Mode for GPU {}: {}\nTerminating early due to previous errors.\n", verb,
          gpu.bus_id(), nvml.text);
      return nvml.status;
    }
    const auto status = status_of(gpu);
    if (status.at("mig") != status.at("mig_pending")) {
      std::cout << fmt::format(
          "Warning: MIG mode is in pending {} state for GPU {}:In use by another client\n", verb,
          gpu.bus_id());
    } else {
      std::cout << fmt::format("{} MIG Mode for GPU {}\n", on ? "Enabled" : "Disabled", gpu.bus_id());
    }
  }
  std::cout << "All done.\n";
  return 0;
}

bool has_mig(const Gpu& gpu) {
  return status_of(gpu)["mig"] == "Enabled";
}

int list_instances(const std::vector<Gpu>& gpus) {
  const std::string line = "+-------------------------------------------------------+\n";
  std::string rows;
  for (const Gpu& gpu : gpus) {
    for (const auto& instance : table_of(gpu, "instances")) {
      rows += fmt::format("|{:>4}  {:<20}{:>6}{:>9}{:<13} |\n", gpu.index, "MIG " + instance[2], instance[1],
                          instance[0], "");
      rows += line;
    }
  }
  if (rows.empty()) {
    std::cout << "No GPU instances found: Not Found\n";
    return not_found.status;
  }
  std::cout << line << "| GPU instances:                                        |\n"
            << "| GPU   Name              Profile  Instance             |\n"
            << "|                           ID       ID                 |\n"
            << "|=======================================================|\n"
            << rows;
  return 0;
}

int list_profiles(const std::vector<Gpu>& gpus) {
  for (const Gpu& gpu : gpus) {
    for (const auto& profile : table_of(gpu, "profiles")) {
      std::cout << fmt::format("|{:>4}  {:<20}{:>4}{:>6} |\n", gpu.index, "MIG " + profile[1], profile[0],
                               profile[2]);
    }
  }
  return 0;
}

// Creates or destroys the compute instance of a GPU instance.
int set_compute(const Gpu& gpu, const std::vector<std::string>& instance, bool on) {
  const std::string where = fmt::format("GPU {:>2} GPU instance ID {:>2}", gpu.index, instance[0]);
  if (const int error = request("instance", gpu, "compute " + instance[0] + (on ? " on" : " off"))) {
    const Nvml nvml = nvml_of(error);
    std::cout << fmt::format("Failed to {} compute instances on {}: {}\n", on ? "create" : "destroy", where,
                             nvml.text);
    return nvml.status;
  }
  std::cout << fmt::format("Successfully {} compute instance ID  0 {} {}\n", on ? "created" : "destroyed",
                           on ? "on" : "from", where);
  return 0;
}

int create_instance(const Gpu& gpu, std::string_view wanted, bool with_compute) {
  std::string id(wanted);
  std::string name(wanted);
  for (const auto& profile : table_of(gpu, "profiles")) {
    if (profile[0] == wanted || profile[1] == wanted) {
      id = profile[0];
      name = profile[1];
    }
  }
  const auto before = table_of(gpu, "instances");
  if (const int error = request("instance", gpu, "create " + id)) {
    const Nvml nvml = nvml_of(error);
    std::cout << fmt::format(
        "Unable to create a GPU instance on GPU {:>2} using profile {}: {}\n"
        "Failed to create GPU instances: {}\n",
        gpu.index, id, nvml.text, nvml.text);
    return nvml.status;
  }
  for (const auto& instance : table_of(gpu, "instances")) {
    if (std::find(before.begin(), before.end(), instance) != before.end()) {
      continue;
    }
    std::cout << fmt::format(
        "Successfully created GPU instance ID {:>2} on GPU {:>2} using profile MIG {} (ID {:>2})\n",
        instance[0], gpu.index, name, id);
    if (with_compute) {
      std::ignore = set_compute(gpu, instance, true);
    }
  }
  return 0;
}

int create_instances(const Arguments& arguments) {
  for (const Gpu& gpu : arguments.gpus) {
    const std::string wanted = arguments.value("-cgi").value_or("");
    for (const std::string_view profile : split(wanted, ',')) {
      if (const int status = create_instance(gpu, profile, arguments.has("-C"))) {
        return status;
      }
    }
  }
  return 0;
}

int destroy_instance(const Gpu& gpu, const std::string& id) {
  if (const int error = request("instance", gpu, "destroy " + id)) {
    const Nvml nvml = nvml_of(error);
    std::cout << fmt::format(
        "Unable to destroy GPU instance ID {:>2} from GPU {:>2}: {}\n"
        "Failed to destroy GPU instances: {}\n",
        id, gpu.index, nvml.text, nvml.text);
    return nvml.status;
  }
  std::cout << fmt::format("Successfully destroyed GPU instance ID {:>2} from GPU {:>2}\n", id, gpu.index);
  return 0;
}

// Does something with the GPU instances that `-gi` selects, by default all. Compute instances that exist
// already, or do not exist, are passed over.
int for_instances(const Arguments& arguments, std::string_view action) {
  const std::string chosen = arguments.value("-gi").value_or("");
  const std::vector<std::string_view> ids = split(chosen, ',');
  bool found = false;
  for (const Gpu& gpu : arguments.gpus) {
    for (const auto& instance : table_of(gpu, "instances")) {
      const bool has_compute = instance[4] == "1";
      const bool is_chosen = chosen.empty() || std::find(ids.begin(), ids.end(), instance[0]) != ids.end();
      if (!is_chosen || (action == "-cci" && has_compute) || (action == "-dci" && !has_compute)) {
        continue;
      }
      found = true;
      const int status = action == "-dgi" ? destroy_instance(gpu, instance[0])
                                          : set_compute(gpu, instance, action == "-cci");
      if (status != 0) {
        return status;
      }
    }
  }
  if (!found) {
    std::cout << fmt::format("No {} instances found: Not Found\n", action == "-dgi" ? "GPU" : "compute");
  }
  return found ? 0 : not_found.status;
}

int run_mig(Arguments arguments) {
  if (arguments.has("-lgip")) {
    return list_profiles(arguments.gpus);
  }
  std::erase_if(arguments.gpus, [](const Gpu& gpu) { return !has_mig(gpu); });
  if (arguments.gpus.empty()) {
    std::cout << "No MIG-enabled devices found.\n";
    return not_found.status;
  }
  if (arguments.has("-lgi")) {
    return list_instances(arguments.gpus);
  }
  if (arguments.has("-cgi")) {
    return create_instances(arguments);
  }
  for (const char* action : {"-dgi", "-cci", "-dci"}) {
    if (arguments.has(action)) {
      return for_instances(arguments, action);
    }
  }
  return nvml_of(EINVAL).status;
}

int set_mixed(const Arguments& arguments) {
  const bool on = arguments.value("-shm") == "1";
  const std::string instance = arguments.value("-gi").value_or("");
  for (const Gpu& gpu : arguments.gpus) {
    const std::string where =
        instance.empty() ? gpu.bus_id() : fmt::format("{} GPU instance ID {}", gpu.bus_id(), instance);
    if (const int error = request("mixed", gpu, (on ? "on " : "off ") + instance)) {
      const Nvml nvml = nvml_of(error);
      std::cout << fmt::format("Unable to set vGPU heterogeneous mode for GPU {}: {}\n", where, nvml.text);
      return nvml.status;
    }
    std::cout << fmt::format("{} vGPU heterogeneous mode for GPU {}\n", on ? "Enabled" : "Disabled", where);
  }
  return 0;
}

int run_vgpu(const Arguments& arguments) {
  if (arguments.has("-shm")) {
    return set_mixed(arguments);
  }
  for (const Gpu& gpu : arguments.gpus) {
    auto status = status_of(gpu);
    std::cout << fmt::format("GPU {}\n    Active vGPUs                          : {}\n", gpu.bus_id(),
                             status["vgpus"]);
  }
  return 0;
}

int print_details(const std::vector<Gpu>& gpus) {
  const auto line = [](int indent, const char* key, const std::string& value) {
    std::cout << fmt::format("{:{}}{:<{}}: {}\n", "", indent, key, 50 - indent, value);
  };
  std::cout << "\n==============NVSMI LOG==============\n\n";
  line(0, "Driver Version", read_line("/sys/module/nvidia/version").value_or("N/A"));
  line(0, "Attached GPUs", std::to_string(gpus.size()));
  for (const Gpu& gpu : gpus) {
    auto status = status_of(gpu);
    std::cout << fmt::format("GPU {}\n", gpu.bus_id());
    line(4, "Product Name", status["product"]);
    line(4, "Persistence Mode", "Enabled");
    std::cout << "    vGPU Device Capability\n";
    line(8, "Heterogenous Multi-vGPU", "Supported");
    line(8, "Heterogeneous Time-Slice Sizes", "Supported");
    std::cout << "    MIG Mode\n";
    line(8, "Current", status["mig"]);
    line(8, "Pending", status["mig_pending"]);
    std::cout << "    GPU Virtualization Mode\n";
    line(8, "Virtualization Mode", "Host VGPU");
    line(8, "Host VGPU Mode", "SR-IOV");
    line(8, "vGPU Heterogeneous Mode", status["heterogeneous_mode"]);
  }
  return 0;
}

int print_list(const std::vector<Gpu>& gpus) {
  for (const Gpu& gpu : gpus) {
    std::cout << fmt::format("GPU {}: {} (PCI {})\n", gpu.index, status_of(gpu)["product"], gpu.bus_id());
  }
  return 0;
}

}  // namespace

int nvidia_smi(const std::vector<std::string>& words) {
  const Arguments arguments = select(words);
  if (arguments.status != 0) {
    return arguments.status;
  }
  const std::string first = arguments.words.empty() ? "-L" : arguments.words.front();
  if (first == "mig") {
    return run_mig(arguments);
  }
  if (first == "vgpu") {
    return run_vgpu(arguments);
  }
  if (first == "-mig" || first == "-pm") {
    const auto value = arguments.value(first);
    if (value == "0" || value == "1") {
      return first == "-mig" ? set_mig(arguments) : 0;
    }
  }
  if (first == "-q") {
    return print_details(arguments.gpus);
  }
  if (first == "-L" || first == "--list-gpus") {
    return print_list(arguments.gpus);
  }
  std::cerr << fmt::format("Option {} is not simulated: see mdevsim(8)\n", first);
  return 2;
}

}  // namespace mdevadm::sim
