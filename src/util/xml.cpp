#include <mdevadm/util/xml.hpp>

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/library.hpp>
#include <memory>
#include <optional>

namespace mdevadm {

namespace {

constexpr unsigned deepest_element = 32;

// Its functions, named without the prefix "XML_".
struct Expat {
  decltype(&::XML_ParserCreate) parser_create;
  decltype(&::XML_ParserFree) parser_free;
  decltype(&::XML_SetUserData) set_user_data;
  decltype(&::XML_SetElementHandler) set_element_handler;
  decltype(&::XML_SetCharacterDataHandler) set_character_data_handler;
  decltype(&::XML_SetEntityDeclHandler) set_entity_decl_handler;
  decltype(&::XML_Parse) parse;
  decltype(&::XML_StopParser) stop_parser;
  decltype(&::XML_GetErrorCode) get_error_code;
  decltype(&::XML_ErrorString) error_string;
  // Later versions of the header mark this function as deprecated, for one that earlier libraries lack.
  XML_Size (*get_current_line_number)(XML_Parser parser);
};

Expat load_expat() {
  const Library library("libexpat.so.1", "read XML", "install the package libexpat1");
  Expat result{};
  library.find("XML_ParserCreate", result.parser_create);
  library.find("XML_ParserFree", result.parser_free);
  library.find("XML_SetUserData", result.set_user_data);
  library.find("XML_SetElementHandler", result.set_element_handler);
  library.find("XML_SetCharacterDataHandler", result.set_character_data_handler);
  library.find("XML_SetEntityDeclHandler", result.set_entity_decl_handler);
  library.find("XML_Parse", result.parse);
  library.find("XML_StopParser", result.stop_parser);
  library.find("XML_GetErrorCode", result.get_error_code);
  library.find("XML_ErrorString", result.error_string);
  library.find("XML_GetCurrentLineNumber", result.get_current_line_number);
  return result;
}

const Expat& expat() {
  static const Expat loaded = load_expat();
  return loaded;
}

// Exceptions must not pass through libexpat, so the first one is stored and stops the parser.
class XmlParser {
 public:
  explicit XmlParser(XmlHandler& handler)
      : handler_(handler), parser_(expat().parser_create(nullptr), expat().parser_free) {
    if (!parser_) {
      throw Error(ExitCode::failed, "not enough memory");
    }
    expat().set_user_data(parser_.get(), this);
    expat().set_element_handler(parser_.get(), &XmlParser::on_start, &XmlParser::on_end);
    expat().set_character_data_handler(parser_.get(), &XmlParser::on_text);
    expat().set_entity_decl_handler(parser_.get(), &XmlParser::on_entity);
  }

  void parse(std::string_view document) {
    if (document.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
      throw Error(ExitCode::failed, "the document is too large");
    }
    const XML_Status status =
        expat().parse(parser_.get(), document.data(), static_cast<int>(document.size()), XML_TRUE);
    if (status == XML_STATUS_OK) {
      return;
    }
    const auto line = expat().get_current_line_number(parser_.get());
    if (problem_) {
      throw Error(problem_->reworded(fmt::format("line {}: {}", line, problem_->what())));
    }
    throw Error(ExitCode::failed, fmt::format("line {}: {}", line,
                                              expat().error_string(expat().get_error_code(parser_.get()))));
  }

 private:
  static XmlParser& of(void* parser) { return *static_cast<XmlParser*>(parser); }

  static void XMLCALL on_start(void* parser, const XML_Char* name, const XML_Char** attributes) {
    of(parser).guarded([&] { of(parser).start(name, attributes); });
  }
  static void XMLCALL on_end(void* parser, const XML_Char* name) {
    of(parser).guarded([&] {
      --of(parser).depth_;
      of(parser).handler_.end(name);
    });
  }
  static void XMLCALL on_text(void* parser, const XML_Char* text, int length) {
    of(parser).guarded([&] { of(parser).handler_.text({text, static_cast<std::size_t>(length)}); });
  }
  static void XMLCALL on_entity(void* parser, const XML_Char*, int, const XML_Char*, int, const XML_Char*,
                                const XML_Char*, const XML_Char*, const XML_Char*) {
    of(parser).guarded([] { throw Error(ExitCode::failed, "entities are not supported"); });
  }

  void start(const XML_Char* name, const XML_Char** attributes) {
    if (++depth_ > deepest_element) {
      throw Error(ExitCode::failed, "elements are nested too deeply");
    }
    pairs_.clear();
    for (const XML_Char** pair = attributes; *pair != nullptr; pair += 2) {
      pairs_.emplace_back(pair[0], pair[1]);
    }
    handler_.start(name, XmlAttributes(pairs_));
  }

  template <typename Function>
  void guarded(const Function& call) noexcept {
    if (problem_) {
      return;
    }
    try {
      call();
    } catch (const Error& error) {
      stop(error);
    } catch (const std::exception& error) {
      stop(Error(ExitCode::failed, error.what()));
    }
  }

  void stop(const Error& why) {
    problem_ = why;
    expat().stop_parser(parser_.get(), XML_FALSE);
  }

  XmlHandler& handler_;
  std::unique_ptr<XML_ParserStruct, decltype(&::XML_ParserFree)> parser_;
  std::optional<Error> problem_{};
  std::vector<XmlAttributes::Pair> pairs_{};
  unsigned depth_ = 0;
};

}  // namespace

std::string_view XmlAttributes::text(std::string_view name) const {
  const auto found =
      std::find_if(pairs_.begin(), pairs_.end(), [&](const Pair& pair) { return pair.first == name; });
  return found == pairs_.end() ? std::string_view{} : found->second;
}

void parse_xml(std::string_view document, XmlHandler& handler) {
  XmlParser(handler).parse(document);
}

}  // namespace mdevadm
