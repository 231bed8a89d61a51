// Keywords of scenario files: interfaces, operations, errnos.
#include <algorithm>
#include <array>
#include <cerrno>
#include <mdevadm/sim/scenario.hpp>

namespace mdevadm::sim {

namespace {

constexpr std::array<Interface, 23> interfaces{{
    {.id = "U1", .layout = Layout::typed, .era = Era::v4_10},
    {.id = "U2", .layout = Layout::typed, .era = Era::v5_2},
    {.id = "U4", .layout = Layout::typed, .era = Era::v6_1},
    {.id = "C1", .layout = Layout::typed, .era = Era::v6_1},
    {.id = "K0", .layout = Layout::typed, .era = Era::proposal},
    {.id = "K1", .layout = Layout::typed, .era = Era::proposal, .words = CreateWords::group},
    {.id = "K2", .layout = Layout::typed, .era = Era::proposal, .peer_attribute = true},
    {.id = "F0", .layout = Layout::flat, .era = Era::proposal, .revision = 0},
    {.id = "F1", .layout = Layout::flat, .era = Era::proposal, .revision = 1},
    {.id = "F2", .layout = Layout::flat, .era = Era::proposal, .revision = 2},
    {.id = "F3", .layout = Layout::flat, .era = Era::proposal, .revision = 3},
    {.id = "A0",
     .layout = Layout::typed,
     .era = Era::v4_10,
     .words = CreateWords::instances,
     .aggregation = Aggregation::at_create},
    {.id = "A1",
     .layout = Layout::typed,
     .era = Era::v4_10,
     .words = CreateWords::aggregate,
     .aggregation = Aggregation::at_create},
    {.id = "A2-rfc", .layout = Layout::typed, .era = Era::v5_2, .aggregation = Aggregation::attribute_rfc},
    {.id = "A2-v2", .layout = Layout::typed, .era = Era::v5_2, .aggregation = Aggregation::attribute_v2},
    {.id = "A2-v3", .layout = Layout::typed, .era = Era::v5_2, .aggregation = Aggregation::attribute_v3},
    {.id = "A3", .layout = Layout::typed, .era = Era::v5_2, .aggregation = Aggregation::type_file},
    {.id = "C0", .layout = Layout::typed, .era = Era::v4_10, .words = CreateWords::any},
    {.id = "V1", .layout = Layout::typed, .era = Era::v5_2, .migration_version = true},
    {.id = "N1", .layout = Layout::functions, .era = Era::v6_1, .revision = 1},
    {.id = "N2", .layout = Layout::functions, .era = Era::v6_1, .revision = 2},
    {.id = "N3", .layout = Layout::functions, .era = Era::v6_1, .revision = 3},
    {.id = "VF", .layout = Layout::functions, .era = Era::v6_1, .revision = 0},
}};

struct Word {
  std::string_view name;
  int value;
};

constexpr std::array<Word, 9> operations{{{"create", int(Operation::create)},
                                          {"remove", int(Operation::remove)},
                                          {"attribute", int(Operation::attribute)},
                                          {"online", int(Operation::online)},
                                          {"join", int(Operation::join)},
                                          {"read", int(Operation::read)},
                                          {"mdev_type", int(Operation::mdev_type)},
                                          {"functions", int(Operation::functions)},
                                          {"bind", int(Operation::bind)}}};

constexpr std::array<Word, 20> errnos{{{"EPERM", EPERM},
                                       {"ENOENT", ENOENT},
                                       {"EIO", EIO},
                                       {"ENXIO", ENXIO},
                                       {"E2BIG", E2BIG},
                                       {"EAGAIN", EAGAIN},
                                       {"ENOMEM", ENOMEM},
                                       {"EACCES", EACCES},
                                       {"EFAULT", EFAULT},
                                       {"EBUSY", EBUSY},
                                       {"EEXIST", EEXIST},
                                       {"EXDEV", EXDEV},
                                       {"ENODEV", ENODEV},
                                       {"EINVAL", EINVAL},
                                       {"ENOSPC", ENOSPC},
                                       {"ERANGE", ERANGE},
                                       {"EUSERS", EUSERS},
                                       {"EOPNOTSUPP", EOPNOTSUPP},
                                       {"EADDRINUSE", EADDRINUSE},
                                       {"EADDRNOTAVAIL", EADDRNOTAVAIL}}};

template <std::size_t Size>
std::optional<int> find_word(const std::array<Word, Size>& words, std::string_view name) {
  const auto found =
      std::find_if(words.begin(), words.end(), [&](const Word& word) { return word.name == name; });
  return found == words.end() ? std::nullopt : std::optional(found->value);
}

}  // namespace

const Interface* find_interface(std::string_view id) {
  const auto found = std::find_if(interfaces.begin(), interfaces.end(),
                                  [&](const Interface& interface) { return interface.id == id; });
  return found == interfaces.end() ? nullptr : &*found;
}

std::vector<std::string> interface_ids() {
  std::vector<std::string> ids;
  for (const Interface& interface : interfaces) {
    ids.emplace_back(interface.id);
  }
  return ids;
}

std::optional<Operation> find_operation(std::string_view name) {
  const auto value = find_word(operations, name);
  return value ? std::optional(static_cast<Operation>(*value)) : std::nullopt;
}

std::optional<int> find_errno(std::string_view name) {
  return find_word(errnos, name);
}

}  // namespace mdevadm::sim
