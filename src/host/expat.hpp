// libexpat, loaded when the first XML file is parsed. Most hosts have none to parse, and a library that is
// linked costs time at every start of the program.
#pragma once

#include <expat.h>

namespace mdevadm {

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

// Loads the library on the first call; it is never unloaded. Throws Error if it is not installed.
const Expat& expat();

}  // namespace mdevadm
