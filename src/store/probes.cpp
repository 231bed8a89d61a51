// Results of probes, /run/mdevadm/probes/<parent>.toml.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/store/store.hpp>

#include "files.hpp"
#include "runtime_text.hpp"

namespace mdevadm::store {

ProbeResults Store::load_probes(const ParentName& parent) const {
  const sys::Result<sys::Dir> directory = root_->open_dir(probes_directory);
  const sys::Result<std::string> text =
      directory ? directory->read_file(file_name(parent)) : sys::Result<std::string>(directory.error());
  return text ? parse_probes(*text) : ProbeResults{};
}

void Store::write_probes(const ParentName& parent, const ProbeResults& results) const {
  const std::string doing = fmt::format("cannot record the probe of '{}'", parent.str());
  const sys::Dir directory = root_->make_dirs(probes_directory).or_throw("{}", doing);
  write_atomically(directory, file_name(parent), format_probes(results), doing);
}

}  // namespace mdevadm::store
