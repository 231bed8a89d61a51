// The list of types in the flat interface of 2016: a text file whose format is up to the vendor. NVIDIA's is
// a comma-separated table with the column names in a leading comment.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

struct TypeTable {
  bool understood = false;  // false: vendor-specific text in which no types were found
  std::string id_column{};  // the key under which the driver accepts a type: vgpu_type_id
  std::vector<Type> types{};
};

// Parses a table of types. A first line that starts with '#' names the columns in any order; without it
// NVIDIA's columns are assumed. Values may be surrounded by blanks and double quotes. The columns other than
// the type's number, name and maximum become its properties and, in the usual format "num_heads=2,
// framebuffer=512M", its description. Lines of another form are skipped.
TypeTable parse_type_table(std::string_view text);

}  // namespace mdevadm
