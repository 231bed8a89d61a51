// The columns of what the program lists: one table a kind of row, from which come tables, JSON, -o,
// --list-columns and completion. Keys and their meaning do not change; new ones may come.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/render/grid.hpp>
#include <span>
#include <string>

namespace mdevadm::render {

// A device, live or defined or both, under one parent.
struct DeviceRow {
  const Device* device = nullptr;          // absent: not active
  const Definition* definition = nullptr;  // absent: not defined under this parent
  std::string file;                        // where the definition is kept
  std::size_t unseen_processes = 0;        // processes whose open files could not be looked at
};

// A type of a parent.
struct TypeRow {
  const Parent* parent;
  const Type* type;
};

// What was wanted of one device and what came of it.
struct ResultRow {
  std::string device;   // the UUID, or the word that was to name one
  std::string parent;   // empty: not known
  std::string type;     // empty: not known
  std::string outcome;  // done, unchanged, failed
  std::string note;     // why unchanged
  int code = 0;         // exit code of a failure
  std::string message;
  std::string hint;
};

std::span<const Column<DeviceRow>> device_columns();
std::span<const Column<TypeRow>> type_columns();
std::span<const Column<ResultRow>> result_columns();

}  // namespace mdevadm::render
