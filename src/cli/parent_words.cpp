#include "parent_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

void require_usable_file(const AllParentSettings& settings, const std::string& word,
                         const std::string& verb) {
  if (const FileProblem* broken = settings.find_broken(*ParentName::parse(word))) {
    throw Error(ExitCode::failed, fmt::format("cannot {} '{}': {}", verb, printable(word), broken->str()),
                broken->remedy.empty() ? "edit the file, or remove it: rm " + shell_word(broken->path)
                                       : broken->remedy);
  }
}

const ParentSettings& require_settings(const AllParentSettings& settings, const Context& context,
                                       const std::string& word, const std::string& verb) {
  require_usable_file(settings, word, verb);
  if (const ParentSettings* found = settings.find(*ParentName::parse(word))) {
    return *found;
  }
  std::vector<std::string> known;
  for (const ParentSettings& one : settings.all) {
    known.push_back(one.parent.str());
  }
  // The settings of another device are no replacement for one that exists.
  const ParentName name = *ParentName::parse(word);
  const ParentState state = context.host().observe_parent(name);
  const bool exists = state.present || !context.host().observe_address(name.str()).empty();
  const bool removes = verb == "unset parent";
  Scope scope{Facet::parents, std::nullopt, std::nullopt};
  scope.addresses = {kernel_spelling(word)};
  const auto missing = exists || removes ? std::nullopt : missing_address(context.observe(scope), word);
  if (missing) {
    throw Error(ExitCode::not_found,
                fmt::format("cannot {} '{}': no settings for this parent, and {}", verb, printable(word),
                            missing->what),
                missing->advice);
  }
  // Settings are not written in order to be removed.
  const bool may_be_set = !removes && is_pci_address(word) && (state.total || !state.present);
  const std::string meant = exists ? std::string{} : did_you_mean(word, known);
  throw Error(ExitCode::not_found,
              fmt::format("cannot {} '{}': no settings for this parent", verb, printable(word)),
              !meant.empty() ? meant
              : may_be_set ? fmt::format("write settings: mdevadm parent set {} --vfs all", shell_word(word))
              : known.empty() ? "no parent has settings; list parents: mdevadm types"
                              : "list parents with settings: mdevadm parent list");
}

}  // namespace mdevadm::cli
