// Options by which a type and parents are chosen (plan/choose.hpp), shared by define, start and types.
#pragma once

#include <mdevadm/plan/choose.hpp>
#include <optional>
#include <string>
#include <vector>

#include "value_kinds.hpp"

namespace mdevadm::cli {

// The value of --parent that stands for all parents.
inline constexpr const char* any_parent = "any";

// --need and --series.
class NeedOptions {
 public:
  // `types`, `meet`: what is done with the types that match, for the help: "list only types", "that meet".
  void declare(CLI::App& app, ValueKinds& kinds, const std::string& types, const std::string& meet);
  // Makes a command line invalid that has one of them and the other option.
  void exclude(CLI::Option* other) const;

  bool any() const { return !needs_.empty() || !series_.empty(); }
  // Returns all requirements; several series are alternatives of one requirement.
  std::vector<Requirement> requirements() const;

 private:
  std::vector<std::string> needs_;
  std::vector<std::string> series_;
  CLI::Option* need_option_ = nullptr;
  CLI::Option* series_option_ = nullptr;
};

// These, and what concerns the choice of parents.
class ChoiceOptions {
 public:
  // `type`: the option --type.
  void declare(CLI::App& app, ValueKinds& kinds, CLI::Option* type);
  // Makes a command line invalid that has one of the options that stand for new devices and the other one.
  void exclude(CLI::Option* other) const;

  bool by_need() const { return needs_.any(); }
  // Returns the value of --count, if it was given.
  const std::optional<std::uint64_t>& count() const { return count_; }
  std::uint64_t devices() const { return count_.value_or(1); }
  // Returns whether a type or a parent has to be chosen, or room for several devices to be found.
  bool chooses(const std::string& parent) const;
  // Throws Error{usage} for options without a meaning beside the given parent, and for too many devices.
  void check(const std::string& parent) const;
  // Returns the name of one of the options that was given; nullptr if none was.
  const char* given() const;

  // Returns the virtual function of a device, which is also that of a parent given by its address. Throws
  // Error{usage} if the two differ, or if there are several devices.
  std::string function_of(const Context& context, const std::string& parent, const std::string& vf) const;

  // Returns the parent, or the one of the virtual function `vf` if any is meant.
  static std::string parent_of(Context& context, const std::string& parent, const std::string& vf);
  // Returns "cannot define 3 devices", "cannot choose a type", for errors.
  std::string doing(const std::string& verb) const;
  // Returns the request without what other options say. An empty parent stands for any.
  ChoiceRequest request(Context& context, const std::string& parent, const std::string& type) const;

 private:
  NeedOptions needs_;
  CLI::Option* count_option_ = nullptr;
  std::optional<std::uint64_t> count_;
  std::string placement_;
  bool ignore_defined_ = false;
};

}  // namespace mdevadm::cli
