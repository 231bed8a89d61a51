#include "unusable_file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mdevadm {

const FileProblem* find_unusable(const std::vector<FileProblem>& broken, std::string_view directory,
                                 std::string_view name) {
  const std::string path = fmt::format("/{}/{}.toml", directory, name);
  const auto found = std::find_if(broken.begin(), broken.end(),
                                  [&](const FileProblem& one) { return one.path.ends_with(path); });
  return found != broken.end() ? &*found : nullptr;
}

HostProblem problem_of(const FileProblem& broken, const FilePosition& where, const std::string& what) {
  return {{where.path, where.line, where.column, fmt::format("{} cannot be used: {}", what, broken.str())},
          ExitCode::failed,
          {broken.remedy.empty() ? "fix or remove the file" : broken.remedy}};
}

}  // namespace mdevadm
