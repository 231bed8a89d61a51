// The JSON Schema of the program's output.
#pragma once

namespace mdevadm::render {

// Returns the contents of schema.json.
const char* json_schema();

}  // namespace mdevadm::render
