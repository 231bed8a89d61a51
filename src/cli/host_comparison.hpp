// Compares the host with its description, and shows the differences.
#pragma once

#include <chrono>
#include <mdevadm/model/host_file.hpp>
#include <mdevadm/plan/apply.hpp>
#include <mdevadm/render/grid.hpp>
#include <optional>
#include <string>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// Returns "3 devices", "1 device".
std::string count_text(std::size_t count, const std::string& word);
// Returns "2 devices to add, 1 device to start".
std::string summary_of(const std::vector<HostChange>& changes);
// Returns one change as lines that begin with "+", "-" or "~".
std::string change_text(const HostChange& change);
// Returns one change as a JSON object.
render::Record change_fields(const HostChange& change);

// All state is read again for each comparison.
class Comparison {
 public:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;

  // In the file, device numbers of IBM Z mean their subchannels, as on the command line.
  Comparison(Context& context, HostFile file, bool prune);

  // Observes the host and plans. Parents are observed, too, unless that has been done. All problems of the
  // description are in the plan, those of its text, too.
  ApplyPlan plan(bool with_parents, const Deadline& deadline);

  // Later comparisons refuse what depends on parents whose settings or preparation have failed.
  void note_failed(const std::vector<Identity>& parents);

  // The parents that have to be prepared and can be, with the jobs for it.
  const std::vector<Job>& preparations() const { return preparations_; }
  const HostFile& file() const { return file_; }

 private:
  ApplyPlan plan_on_host(bool with_parents, const Deadline& deadline);
  // Returns the parents of the description and of definitions: if one is not a parent, it is explained.
  std::vector<std::string> addresses(const Definitions& defined) const;
  void find_preparations(const AllParentSettings& settings, ApplyOptions& options,
                         std::vector<HostChange>& prepared);

  Context& context_;
  HostFile file_;
  bool prune_;
  std::vector<Job> preparations_{};
  std::vector<Refusal> refused_{};    // parents that cannot be prepared now
  std::vector<ParentName> failed_{};  // parents whose preparation has failed
};

}  // namespace mdevadm::cli
