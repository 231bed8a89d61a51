#include <mdevadm/store/config_text.hpp>

#include <algorithm>
#include <mdevadm/store/json_text.hpp>
#include <mdevadm/util/text.hpp>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>
#include <vector>

namespace mdevadm::store {

namespace {

using Json = nlohmann::json;

// Returns the value of a key, or null if it does not exist.
const Json& value_of(const Json& root, const char* key) {
  static const Json none;
  const auto found = root.find(key);  // end() if root is not an object
  return found == root.end() ? none : *found;
}

Config config_in(const Json& root) {
  const Json& type = value_of(root, "mdev_type");
  const Json& start = value_of(root, "start");
  if (type.is_null() || start.is_null()) {
    throw JsonMistake{"invalid json"};
  }
  if (!type.is_string()) {
    throw JsonMistake{"invalid json: mdev_type must be of type str"};
  }
  Config config{type.get<std::string>(), start == "auto" ? StartMode::automatic : StartMode::manual};
  // In the arguments of scripts the name would end at the NUL byte.
  if (config.type.find('\0') != std::string::npos) {
    throw JsonMistake{"invalid json: mdev_type must not have a NUL in it"};
  }
  const Json& attributes = value_of(root, "attrs");
  if (!attributes.is_null()) {
    read_attributes(attributes, config.attributes);
  }
  return config;
}

// Calls the library only for text that needs escapes.
std::string json_string(const std::string& text) {
  const bool is_plain = std::all_of(text.begin(), text.end(),
                                    [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  return is_plain ? '"' + text + '"' : Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

// Writes the text directly. libvirt requests the list of all devices on every change, and building the
// library's object tree for a thousand definitions took as long as reading them.
class ConfigWriter {
 public:
  explicit ConfigWriter(JsonForm form) : form_(form) {}

  void open(char bracket) {
    separate();
    text_ += bracket;
    ++depth_;
    is_first_ = true;
  }
  void close(char bracket) {
    --depth_;
    if (!is_first_) {
      begin_line();
    }
    text_ += bracket;
    is_first_ = false;
  }
  void key(const std::string& name) {
    separate();
    text_ += json_string(name);
    text_ += form_ == JsonForm::lines ? ": " : ":";
    has_key_ = true;
  }
  void string(const std::string& value) {
    separate();
    text_ += json_string(value);
  }

  // Writes a key and its value as they are in a file.
  void member(std::string_view key, std::string_view value) {
    separate();
    text_.append(key).append(form_ == JsonForm::lines ? ": " : ":").append(value);
  }

  // Returns the text since the last call.
  std::string take() {
    has_begun_ = has_begun_ || !text_.empty();
    return std::exchange(text_, {});
  }

 private:
  void begin_line() {
    if (form_ == JsonForm::lines && (has_begun_ || !text_.empty())) {
      text_ += '\n';
      text_.append(2 * depth_, ' ');
    }
  }
  // A value stays on the line of its key.
  void separate() {
    if (!has_key_) {
      text_ += is_first_ ? "" : ",";
      begin_line();
    }
    has_key_ = is_first_ = false;
  }

  JsonForm form_;
  std::string text_;
  std::size_t depth_ = 0;
  bool is_first_ = true;  // in its object or list
  bool has_key_ = false;
  bool has_begun_ = false;  // take() has returned the begin
};

namespace {

bool is_known_key(std::string_view key) {
  return key == "mdev_type" || key == "start" || key == "attrs";
}

// A key of an object and its value, as they are in the text.
struct ConfigMember {
  std::string_view key;
  std::string_view value;
};

// Returns the end of the value that begins at `from`. The text is valid JSON.
std::size_t end_of_value(std::string_view text, std::size_t from) {
  std::size_t depth = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      for (++i; text[i] != '"'; ++i) {
        i += text[i] == '\\' ? 1U : 0U;
      }
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (depth > 0 && (c == ']' || c == '}')) {
      --depth;
    } else if (depth == 0 && (c == ',' || c == ':' || c == '}')) {
      return i;
    }
  }
  return text.size();
}

// Returns the members of an object that is valid JSON. The library would round numbers, and drop the first of
// two equal keys.
std::vector<ConfigMember> config_members_in(std::string_view text) {
  std::vector<ConfigMember> members;
  std::size_t at = text.find('{') + 1;
  while (at < text.size()) {
    const std::size_t colon = end_of_value(text, at);
    if (colon >= text.size() || text[colon] != ':') {
      break;  // an empty object
    }
    const std::size_t end = end_of_value(text, colon + 1);
    members.push_back({trim(text.substr(at, colon - at)), trim(text.substr(colon + 1, end - colon - 1))});
    at = end < text.size() && text[end] == ',' ? end + 1 : text.size();
  }
  return members;
}

void write(const Config& config, ConfigWriter& writer, const std::vector<ConfigMember>& others = {}) {
  writer.open('{');
  writer.key("mdev_type");
  writer.string(config.type);
  writer.key("start");
  writer.string(config.start == StartMode::automatic ? "auto" : "manual");
  writer.key("attrs");
  writer.open('[');
  for (const ConfigAttribute& attribute : config.attributes) {
    writer.open('{');
    writer.key(attribute.name);
    writer.string(attribute.value);
    writer.close('}');
  }
  writer.close(']');
  for (const ConfigMember& other : others) {
    writer.member(other.key, other.value);
  }
  writer.close('}');
}

}  // namespace

ConfigContent parse_config(std::string_view text) {
  ConfigContent content;
  try {
    const Json root = parse_json(text);
    content.config = config_in(root);
    for (const auto& [key, value] : root.items()) {
      if (!is_known_key(key)) {
        content.unknown.push_back(key);
      }
    }
  } catch (const JsonMistake& mistake) {
    content.line = mistake.line;
    content.column = mistake.column;
    content.message = mistake.message;
  }
  return content;
}

std::string format_config(const Config& config, JsonForm form) {
  ConfigWriter writer(form);
  write(config, writer);
  return writer.take();
}

std::string edited_config(std::string_view text, const Config& config) {
  std::ignore = parse_json(text);  // throws for invalid text
  std::vector<ConfigMember> others = config_members_in(text);
  std::erase_if(
      others, [](const ConfigMember& one) { return is_known_key(Json::parse(one.key).get<std::string>()); });
  ConfigWriter writer(JsonForm::lines);
  write(config, writer, others);
  return writer.take();
}

struct ConfigList::State {
  std::string& out;
  ConfigWriter writer{JsonForm::lines};
  std::optional<ParentName> parent{};  // of the last config
};

ConfigList::ConfigList(std::string& out) : state_(std::make_unique<State>(State{out})) {
  state_->writer.open('[');
}

ConfigList::~ConfigList() = default;

void ConfigList::add(const Uuid& uuid, const ParentName& parent, const Config& config) {
  ConfigWriter& writer = state_->writer;
  if (state_->parent != parent) {
    if (state_->parent) {
      writer.close(']');
    } else {
      writer.open('{');
    }
    writer.key(parent.str());
    writer.open('[');
    state_->parent = parent;
  }
  writer.open('{');
  writer.key(uuid.str());
  write(config, writer);
  writer.close('}');
  state_->out += writer.take();
}

void ConfigList::finish() {
  ConfigWriter& writer = state_->writer;
  if (state_->parent) {
    writer.close(']');
    writer.close('}');
  }
  writer.close(']');
  state_->out += writer.take();
}

}  // namespace mdevadm::store
