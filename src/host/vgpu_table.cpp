#include <mdevadm/host/vgpu_table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <memory>
#include <optional>

#include "expat.hpp"

namespace mdevadm {

namespace {

constexpr std::uint64_t nvidia_vendor = 0x10de;
constexpr unsigned deepest = 32;
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

// The attributes of an element, as libexpat passes them.
class Attributes {
 public:
  explicit Attributes(const XML_Char** pairs) : pairs_(pairs) {}

  std::string_view text(std::string_view name) const {
    for (const XML_Char** pair = pairs_; *pair != nullptr; pair += 2) {
      if (name == pair[0]) {
        return pair[1];
      }
    }
    return {};
  }

  std::uint64_t number(std::string_view name) const { return parse_any_base(text(name)).value_or(0); }

 private:
  const XML_Char** pairs_;
};

}  // namespace

// Receives the elements in the order of the file. Exceptions must not pass through libexpat, so the first
// problem is stored and stops the parser.
class VgpuTable::Reader {
 public:
  explicit Reader(VgpuTable& table)
      : table_(table), parser_(expat().parser_create(nullptr), expat().parser_free) {
    if (!parser_) {
      throw Error(ExitCode::failed, "not enough memory");
    }
    expat().set_user_data(parser_.get(), this);
    expat().set_element_handler(parser_.get(), &Reader::on_start, &Reader::on_end);
    expat().set_character_data_handler(parser_.get(), &Reader::on_text);
    expat().set_entity_decl_handler(parser_.get(), &Reader::on_entity);
  }

  void read(std::string_view xml) {
    const XML_Status status =
        expat().parse(parser_.get(), xml.data(), static_cast<int>(xml.size()), XML_TRUE);
    if (status == XML_STATUS_OK) {
      return;
    }
    const std::string reason =
        problem_.empty() ? expat().error_string(expat().get_error_code(parser_.get())) : problem_;
    throw Error(ExitCode::failed,
                fmt::format("line {}: {}", expat().get_current_line_number(parser_.get()), reason));
  }

 private:
  static void XMLCALL on_start(void* reader, const XML_Char* name, const XML_Char** pairs) {
    static_cast<Reader*>(reader)->start(name, Attributes(pairs));
  }
  static void XMLCALL on_end(void* reader, const XML_Char* name) { static_cast<Reader*>(reader)->end(name); }
  static void XMLCALL on_text(void* reader, const XML_Char* text, int length) {
    static_cast<Reader*>(reader)->add_text({text, static_cast<std::size_t>(length)});
  }
  // Entities could expand to gigabytes; the file of NVIDIA has none.
  static void XMLCALL on_entity(void* reader, const XML_Char*, int, const XML_Char*, int, const XML_Char*,
                                const XML_Char*, const XML_Char*, const XML_Char*) {
    static_cast<Reader*>(reader)->stop("entities are not supported");
  }

  void stop(const char* problem) {
    if (problem_.empty()) {
      problem_ = problem;
      expat().stop_parser(parser_.get(), XML_FALSE);
    }
  }

  void start(std::string_view name, const Attributes& attributes) {
    if (++depth_ > deepest) {
      return stop("elements are nested too deeply");
    }
    if (depth_ == 1 && name != "vgpuconfig") {
      return stop("not a table of vGPU types (expected the element vgpuconfig)");
    }
    text_.clear();
    if (depth_ == 2) {
      start_entry(name, attributes);
    } else if (depth_ == 3 && gpu_ != nullptr) {
      start_in_gpu(name, attributes);
    }
  }

  void start_entry(std::string_view name, const Attributes& attributes) {
    if (name == "vgpuType" && count_entry() && is_plain_text(attributes.text("name"))) {
      type_ = &table_.types_[attributes.number("id")];
      type_->name = attributes.text("name");
    } else if (name == "pgpu" && count_entry()) {
      gpu_ = &table_.gpus_.emplace_back();
    }
  }

  void start_in_gpu(std::string_view name, const Attributes& attributes) {
    if (name == "devId" && attributes.number("vendorId") == nvidia_vendor) {
      gpu_->device = attributes.number("deviceId");
      gpu_->subsystem = attributes.number("subsystemId");
    } else if (name == "supportedVgpu" && count_entry()) {
      supported_ = &gpu_->types.emplace_back();
      supported_->type = attributes.number("vgpuId");
    }
  }

  void end(std::string_view name) {
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

  void add_text(std::string_view text) {
    if (text_.size() + text.size() <= longest_number) {
      text_ += text;
    }
  }

  bool count_entry() {
    if (++entries_ > most_entries) {
      stop("too many entries");
    }
    return entries_ <= most_entries;
  }

  VgpuTable& table_;
  std::unique_ptr<XML_ParserStruct, decltype(&::XML_ParserFree)> parser_;
  std::string problem_{};
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
  Reader(table).read(xml);
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
