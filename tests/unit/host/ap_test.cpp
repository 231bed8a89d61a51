// Why the kernel refuses queues: what the AP bus and other devices of the matrix show.
#include <host/answers.hpp>

#include <cerrno>
#include <mdevadm/host/host.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using Catch::Matchers::ContainsSubstring;

namespace {

// Adapters 5 and 6, domains 4 and 171. Queue 06.00ab is reserved for the host, 05.0004 is bound to vfio_ap.
constexpr const char* bus = R"(
sys/bus/ap/apmask = 0x0200000000000000000000000000000000000000000000000000000000000000\n
sys/bus/ap/aqmask = 0x0000000000000000000000000000000000000000001000000000000000000000\n
sys/bus/ap/ap_adapter_mask = 0x0600000000000000000000000000000000000000000000000000000000000000\n
sys/bus/ap/ap_usage_domain_mask = 0x0800000000000000000000000000000000000000001000000000000000000000\n
sys/bus/ap/drivers/vfio_ap/05.0004 -> ../../../../devices/ap/card05/05.0004
)";

struct Matrix : test::Host {
  Matrix() : test::Host("s390") { lay(bus); }

  void lay(const std::string& text) const { test::lay_tree(text, path()); }

  // Why vfio_ap refuses the attribute for the device, which has the queues 05.0004 and 05.00ab.
  Error why(const char* attribute, const char* value, int number) const {
    const sys::Dir root = *sys::Dir::open(str());
    const Device device{.uuid = *Uuid::parse("669d9b23-fe1b-4ecb-be08-a2fabca99b71"),
                        .parent = *ParentName::parse("matrix"),
                        .path = "sys/devices/vfio_ap/matrix/669d9b23-fe1b-4ecb-be08-a2fabca99b71"};
    return explained(root, device, {*AttributeName::parse(attribute), value},
                     Error(ExitCode::failed, "refused").caused_by(number));
  }
};

}  // namespace

TEST_CASE("a queue that is reserved for the host is named, with the commands that release it") {
  const Error error = Matrix().why("assign_adapter", "6", EADDRNOTAVAIL);
  CHECK(error.code() == ExitCode::conflict);
  CHECK(error.retry() == Retry::later);
  CHECK(error.number() == EADDRNOTAVAIL);
  CHECK_THAT(error.what(), ContainsSubstring("06.00ab reserved for the host (apmask, aqmask)"));
  CHECK_FALSE(error.hints().empty());
}

TEST_CASE("a queue that is not bound to vfio_ap is named, with the command that binds it if it exists") {
  const Error unbound = Matrix().why("assign_domain", "171", EADDRNOTAVAIL);
  CHECK(unbound.retry() == Retry::later);
  CHECK_THAT(unbound.what(), ContainsSubstring("queue 05.00ab is not bound to vfio_ap"));
  CHECK(unbound.hints() ==
        std::vector<std::string>{"bind the queue: echo 05.00ab > /sys/bus/ap/drivers_probe"});
  const Error missing = Matrix().why("assign_domain", "7", EADDRNOTAVAIL);
  CHECK_THAT(
      missing.what(),
      ContainsSubstring("queue 05.00ab is not bound to vfio_ap, and queue 05.0007 is not on this host"));
  CHECK(missing.hints() ==
        std::vector<std::string>{"bind the queue: echo 05.00ab > /sys/bus/ap/drivers_probe",
                                 "list the queues of the host: mdevadm show matrix"});
  const Matrix without;
  without.lay(R"(
sys/bus/ap/ap_usage_domain_mask = 0x0800000000000000000000000000000000000000000000000000000000000000\n
)");
  CHECK(without.why("assign_domain", "171", EADDRNOTAVAIL).hints() ==
        std::vector<std::string>{"list the queues of the host: mdevadm show matrix"});
  const Matrix bound;
  bound.lay("sys/bus/ap/drivers/vfio_ap/05.00ab -> ../../../../devices/ap/card05/05.00ab\n");
  CHECK_THAT(bound.why("assign_domain", "171", EADDRNOTAVAIL).what(),
             ContainsSubstring("a queue is not on this host, or not bound to vfio_ap"));
}

TEST_CASE("the device that has a queue is named, or those that may have it") {
  const std::string other = "sys/devices/vfio_ap/matrix/669d9b23-fe1b-4ecb-be08-a2fabca99b72/";
  const Matrix matrix;
  CHECK(matrix.why("assign_adapter", "6", EADDRINUSE).hints() ==
        std::vector<std::string>{"show the devices that have queues: mdevadm show matrix"});
  matrix.lay(other + "uevent = \n" + other + "matrix = 06.0004\\n\n");
  const Error taken = matrix.why("assign_adapter", "6", EADDRINUSE);
  CHECK(taken.code() == ExitCode::conflict);
  CHECK_THAT(taken.what(),
             ContainsSubstring("06.0004 assigned to device 669d9b23-fe1b-4ecb-be08-a2fabca99b72"));
  matrix.lay(other + "matrix = 07.0004\\n\n");
  CHECK(std::string(matrix.why("assign_adapter", "6", EADDRINUSE).what()) == "refused");
  std::filesystem::remove(matrix.path() / (other + "uevent"));
  const Error removing = matrix.why("assign_adapter", "6", EADDRINUSE);
  CHECK_THAT(removing.what(), ContainsSubstring("b72 (its removal is pending)"));
  CHECK(removing.hints() == std::vector<std::string>{"wait for the removal: mdevadm stop "
                                                     "669d9b23-fe1b-4ecb-be08-a2fabca99b72 --timeout 60"});
}

TEST_CASE("other refusals of queues, and those of a host without AP bus, have no further reason") {
  CHECK(std::string(Matrix().why("assign_adapter", "6", ENODEV).what()) == "refused");
  const Matrix matrix;
  std::filesystem::remove_all(matrix.path() / "sys/bus/ap");
  CHECK(std::string(matrix.why("assign_adapter", "6", EADDRNOTAVAIL).what()) == "refused");
}
