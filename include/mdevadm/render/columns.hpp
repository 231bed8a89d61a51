// The columns of what the program lists: one table a kind of row, from which come tables, JSON, -o,
// --list-columns and completion. Keys and their meaning do not change; new ones may come.
#pragma once

#include <mdevadm/model/boot.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/render/grid.hpp>
#include <span>
#include <string>

namespace mdevadm::render {

// A device, live or defined or both, under one parent.
struct DeviceRow {
  const Device* device = nullptr;          // absent: not active
  const Definition* definition = nullptr;  // absent: not defined under this parent
  const Group* group = nullptr;            // absent: the definition is in none
  // Whether it is to come up by itself, and what became of that at this boot.
  bool automatic = false;
  const BootEvent* boot = nullptr;
  bool parent_here = true;           // not looked at where nobody waits for it
  std::string file{};                // where the definition is kept
  std::size_t unseen_processes = 0;  // processes whose open files could not be looked at
};

// A type of a parent.
struct TypeRow {
  const Parent* parent;
  const Type* type;
  std::optional<std::uint64_t> used{};  // devices of it; absent: nobody tells
};

struct ParentRow {
  const Parent* parent;
  std::size_t devices;  // that it has
};

struct GroupRow {
  const Group* group;
  std::size_t active;  // how many of its members are
  std::string file;    // where it is kept
};

// What was wanted of one device and what came of it.
struct ResultRow {
  std::string device;   // the UUID, or the word that was to name one; empty: it is about the group
  std::string group;    // empty: none
  std::string parent;   // empty: not known
  std::string type;     // empty: not known
  std::string outcome;  // done, unchanged, failed, undone
  std::string note;     // why unchanged
  int code = 0;         // exit code of a failure
  std::string message;
  std::string hint;
};

std::span<const Column<DeviceRow>> device_columns();
std::span<const Column<TypeRow>> type_columns();
std::span<const Column<ParentRow>> parent_columns();
std::span<const Column<GroupRow>> group_columns();
std::span<const Column<ResultRow>> result_columns();

}  // namespace mdevadm::render
