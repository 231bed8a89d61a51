// Quoting of arguments and paths as in mdevctl's messages, that is, as Rust's Debug format ({:?}) does it.
#pragma once

#include <string>
#include <string_view>

namespace mdevadm {

// Returns the text in double quotes, with control bytes and invalid UTF-8 escaped so that no name can garble
// a terminal or a log.
std::string quote_word(std::string_view word);
// Like quote_word(), but also escapes ' as mdevctl 1.4.0 does in paths, and only there.
std::string quote_path(std::string_view path);

}  // namespace mdevadm
