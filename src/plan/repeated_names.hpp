// Names that several tables of a description have. Internal header.
#pragma once

#include <map>
#include <mdevadm/plan/apply.hpp>
#include <string>

namespace mdevadm {

// Reports names that are described twice.
class RepeatedNames {
 public:
  // `kind` begins the messages: "device".
  RepeatedNames(std::string kind, ApplyPlan& plan) : kind_(std::move(kind)), plan_(plan) {}

  // Returns whether the name is new. Otherwise it is reported, but only one name of each table.
  bool add(const std::string& name, const FilePosition& where);

 private:
  std::string kind_;
  ApplyPlan& plan_;
  std::map<std::string, FilePosition> first_{};
  FilePosition reported_{};  // of the last table with a name that is not new
};

// Reports parents and groups that are described twice.
void require_single_parents_and_groups(const HostFile& file, ApplyPlan& plan);

}  // namespace mdevadm
