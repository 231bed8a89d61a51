// Words and paths as mdevctl shows them in its messages: in the quotes and escapes of its language.
#pragma once

#include <string>
#include <string_view>

namespace mdevadm {

// Control bytes are escaped, and bytes that are no UTF-8, so that no name can garble a terminal or a log.
std::string quote_word(std::string_view word);
// Likewise, and ' is escaped too: mdevctl 1.4.0 does so in paths, and in nothing else.
std::string quote_path(std::string_view path);

}  // namespace mdevadm
