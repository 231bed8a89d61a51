#include "expat.hpp"

#include <dlfcn.h>

#include <mdevadm/util/error.hpp>

namespace mdevadm {

namespace {

constexpr const char* expat_library = "libexpat.so.1";

[[noreturn]] void refuse_expat() {
  const char* why = ::dlerror();
  throw Error(ExitCode::failed, why != nullptr ? why : "libexpat cannot be used",
              "install the package libexpat1");
}

template <typename Function>
void find_in_expat(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  if (function == nullptr) {
    refuse_expat();
  }
}

Expat load_expat() {
  void* handle = ::dlopen(expat_library, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    refuse_expat();
  }
  Expat result{};
  find_in_expat(handle, "XML_ParserCreate", result.parser_create);
  find_in_expat(handle, "XML_ParserFree", result.parser_free);
  find_in_expat(handle, "XML_SetUserData", result.set_user_data);
  find_in_expat(handle, "XML_SetElementHandler", result.set_element_handler);
  find_in_expat(handle, "XML_SetCharacterDataHandler", result.set_character_data_handler);
  find_in_expat(handle, "XML_SetEntityDeclHandler", result.set_entity_decl_handler);
  find_in_expat(handle, "XML_Parse", result.parse);
  find_in_expat(handle, "XML_StopParser", result.stop_parser);
  find_in_expat(handle, "XML_GetErrorCode", result.get_error_code);
  find_in_expat(handle, "XML_ErrorString", result.error_string);
  find_in_expat(handle, "XML_GetCurrentLineNumber", result.get_current_line_number);
  return result;
}

}  // namespace

const Expat& expat() {
  static const Expat loaded = load_expat();
  return loaded;
}

}  // namespace mdevadm
