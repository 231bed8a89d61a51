// The text in which the flat interface of 2016 lists types: a file of lines, as each vendor likes. NVIDIA's
// is a table with commas and its columns' names in a comment first.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

struct TypeTable {
  bool understood = false;  // no: some vendor's own text, in which no types were found
  std::string id_column{};  // the word by which the driver takes a type: vgpu_type_id
  std::vector<Type> types{};
};

// Columns are known by the names in a first line that starts with '#', whatever their order; without one
// they are taken to be NVIDIA's. Values may have blanks around them and stand in double quotes. The columns
// other than the type's number, name and maximum become its properties, and its description, in the form
// that descriptions have elsewhere: "num_heads=2, framebuffer=512M". Lines that do not fit are left out.
TypeTable parse_type_table(std::string_view text);

}  // namespace mdevadm
