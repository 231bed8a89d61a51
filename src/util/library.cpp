#include <mdevadm/util/library.hpp>

#include <dlfcn.h>
#include <fmt/format.h>

#include <mdevadm/util/error.hpp>
#include <utility>

namespace mdevadm {

Library::Library(const char* file, std::string doing, std::string advice)
    : doing_(std::move(doing)), advice_(std::move(advice)), handle_(::dlopen(file, RTLD_LAZY | RTLD_LOCAL)) {
  if (handle_ == nullptr) {
    refuse();
  }
}

void* Library::symbol(const char* name) const {
  void* found = ::dlsym(handle_, name);
  if (found == nullptr) {
    refuse();
  }
  return found;
}

void Library::refuse() const {
  const char* why = ::dlerror();
  throw Error(ExitCode::failed,
              fmt::format("cannot {}: {}", doing_, why != nullptr ? why : "the library cannot be used"),
              advice_);
}

}  // namespace mdevadm
