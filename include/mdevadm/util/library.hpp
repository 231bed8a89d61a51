// Libraries that are loaded when they are needed. A library that is linked costs time at every start of the
// program, and most starts need none of these.
#pragma once

#include <string>

namespace mdevadm {

class Library {
 public:
  // Loads the shared library; it is never unloaded. `doing` completes "cannot …" in errors, `advice` is their
  // hint. Throws Error{failed} if it is not installed.
  Library(const char* file, std::string doing, std::string advice);

  // Sets `function` to the function of this name. Throws Error{failed} if the library does not have it.
  template <typename Pointer>
  void find(const char* name, Pointer& function) const {
    function = reinterpret_cast<Pointer>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;
  [[noreturn]] void refuse() const;

  std::string doing_;
  std::string advice_;
  void* handle_;
};

}  // namespace mdevadm
