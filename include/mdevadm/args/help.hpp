// Layout of help texts, from the declarations in CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

namespace mdevadm::args {

class HelpLayout {
 public:
  // `width`: columns of the terminal; 0: unknown. Texts have at most 100 columns.
  explicit HelpLayout(std::size_t width);

  // Returns "  head      text", with the text wrapped and aligned in a column.
  std::string entry(const std::string& head, const std::string& text) const;
  // Returns an entry for each option of `app`.
  std::string options(const CLI::App& app) const;
  // Returns an entry for each argument of `app`.
  std::string arguments(const CLI::App& app) const;
  // Returns `text`, wrapped.
  std::string paragraph(const std::string& text) const;

 private:
  std::size_t width_;
  std::size_t text_column_;
};

// Returns "[OPTION]... ARGUMENT [ARGUMENT]" for the declared arguments.
std::string usage_of(const CLI::App& app);

}  // namespace mdevadm::args
