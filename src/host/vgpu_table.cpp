#include <mdevadm/host/vgpu_table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/xml.hpp>
#include <optional>

namespace mdevadm {

namespace {

constexpr std::uint64_t nvidia_vendor = 0x10de;
constexpr std::size_t most_entries = 100000;
constexpr std::size_t longest_number = 32;

// Parses "26", "0x1A" and " 0x1a ".
std::optional<std::uint64_t> parse_any_base(std::string_view text) {
  text = trim(text);
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  text = is_hex ? text.substr(2) : text;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, is_hex ? 16 : 10);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

bool is_plain_text(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

std::uint64_t number_in(const XmlAttributes& attributes, std::string_view name) {
  return parse_any_base(attributes.text(name)).value_or(0);
}

}  // namespace

// Receives the elements in the order of the file.
class VgpuTable::Reader final : public XmlHandler {
 public:
  explicit Reader(VgpuTable& table) : table_(table) {}

  void start(std::string_view name, const XmlAttributes& attributes) override {
    ++depth_;
    if (depth_ == 1 && name != "vgpuconfig") {
      throw Error(ExitCode::failed, "not a table of vGPU types (expected the element vgpuconfig)");
    }
    text_.clear();
    if (depth_ == 2) {
      start_entry(name, attributes);
    } else if (depth_ == 3 && gpu_ != nullptr) {
      start_in_gpu(name, attributes);
    }
  }

  void end(std::string_view name) override {
    const std::uint64_t number = parse_any_base(text_).value_or(0);
    if (depth_ == 3 && type_ != nullptr && number != 0) {
      // profileSize is the nominal size; what the guest gets, the framebuffer, is smaller.
      const bool is_nominal = name == "profileSize";
      if (is_nominal || (name == "framebuffer" && type_->framebuffer == 0)) {
        type_->framebuffer = number;
      }
    } else if (depth_ == 4 && supported_ != nullptr && name == "maxVgpus") {
      supported_->maximum = number;
    }
    text_.clear();
    type_ = depth_ == 2 ? nullptr : type_;
    gpu_ = depth_ == 2 ? nullptr : gpu_;
    supported_ = depth_ <= 3 ? nullptr : supported_;
    --depth_;
  }

  void text(std::string_view part) override {
    if (text_.size() + part.size() <= longest_number) {
      text_ += part;
    }
  }

 private:
  void start_entry(std::string_view name, const XmlAttributes& attributes) {
    if (name == "vgpuType") {
      count_entry();
      if (is_plain_text(attributes.text("name"))) {
        type_ = &table_.types_[number_in(attributes, "id")];
        type_->name = attributes.text("name");
      }
    } else if (name == "pgpu") {
      count_entry();
      gpu_ = &table_.gpus_.emplace_back();
    }
  }

  void start_in_gpu(std::string_view name, const XmlAttributes& attributes) {
    if (name == "devId" && number_in(attributes, "vendorId") == nvidia_vendor) {
      gpu_->device = number_in(attributes, "deviceId");
      gpu_->subsystem = number_in(attributes, "subsystemId");
    } else if (name == "supportedVgpu") {
      count_entry();
      supported_ = &gpu_->types.emplace_back();
      supported_->type = number_in(attributes, "vgpuId");
    }
  }

  // Throws Error if there are too many entries.
  void count_entry() {
    if (++entries_ > most_entries) {
      throw Error(ExitCode::failed, "too many entries");
    }
  }

  VgpuTable& table_;
  unsigned depth_ = 0;
  std::size_t entries_ = 0;
  std::string text_{};         // of the innermost element, if it is short
  KnownType* type_ = nullptr;  // the open elements
  Gpu* gpu_ = nullptr;
  Supported* supported_ = nullptr;
};

VgpuTable VgpuTable::parse(std::string_view xml) {
  if (xml.size() > largest) {
    throw Error(ExitCode::failed, fmt::format("larger than {} MiB", largest >> 20U));
  }
  VgpuTable table;
  Reader reader(table);
  parse_xml(xml, reader);
  return table;
}

std::vector<Type> VgpuTable::types_of(std::uint64_t device, std::uint64_t subsystem) const {
  const auto has_entry = [&](std::uint64_t id) {
    return std::any_of(gpus_.begin(), gpus_.end(),
                       [&](const Gpu& gpu) { return gpu.device == device && gpu.subsystem == id; });
  };
  const std::uint64_t wanted = has_entry(subsystem) ? subsystem : 0;
  std::map<std::uint64_t, Type> found;
  for (const Gpu& gpu : gpus_) {
    if (gpu.device != device || gpu.subsystem != wanted) {
      continue;
    }
    for (const Supported& one : gpu.types) {
      const auto known = types_.find(one.type);
      if (known == types_.end() || one.type == 0) {
        continue;
      }
      Type type{.id = *TypeName::parse(fmt::format("{}", one.type)),
                .name = known->second.name,
                .device_api = "vfio-pci",
                .available = 0};
      type.maximum = one.maximum != 0 ? std::optional(one.maximum) : std::nullopt;
      add_properties_of_name(type);
      if (type.properties.empty() && known->second.framebuffer != 0) {
        type.properties.push_back({"framebuffer", Bytes{known->second.framebuffer},
                                   fmt::format("{}M", known->second.framebuffer >> 20U)});
      }
      found.try_emplace(one.type, std::move(type));
    }
  }
  std::vector<Type> result;
  for (auto& [id, type] : found) {
    result.push_back(std::move(type));
  }
  return result;
}

}  // namespace mdevadm
