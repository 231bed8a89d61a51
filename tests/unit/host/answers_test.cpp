// The meaning of each errno, for each operation: exit code, whether to retry, reason, first hint.
#include "../../../src/host/answers.hpp"

#include <cerrno>
#include <mdevadm/sys/result.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const Uuid other = *Uuid::parse("00000000-0000-4000-8000-000000000002");

Creation creation() {
  return {.uuid = *Uuid::parse("00000000-0000-4000-8000-000000000001"),
          .parent = *ParentName::parse("mtty"),
          .type = *TypeName::parse("mtty-1")};
}

struct Expected {
  int number;
  ExitCode code;
  std::string reason;  // a part of the message
  std::string hint{};  // a part of the first hint
  Retry retry = Retry::no;
};

void check(const Error& error, const Expected& expected) {
  CAPTURE(expected.number, std::string(error.what()));
  CHECK(error.code() == expected.code);
  CHECK(error.retry() == expected.retry);
  CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring(expected.reason));
  const std::string hint = error.hints().empty() ? "" : error.hints().front();
  CHECK_THAT(hint, Catch::Matchers::ContainsSubstring(expected.hint));
  CHECK(hint.empty() == expected.hint.empty());
}

std::string text(int number) {
  return sys::errno_text(number);
}

}  // namespace

TEST_CASE("each errno of a creation has its exit code, reason and remedy") {
  const std::vector<Expected> all{
      {EEXIST, ExitCode::conflict, "a device with this UUID already exists", "mdevadm list"},
      {ENOSPC, ExitCode::no_capacity, "no available instances of mtty-1 on mtty (" + text(ENOSPC) + ")",
       "mdevadm types mtty"},
      {EUSERS, ExitCode::no_capacity, "no available instances of mtty-1 on mtty (" + text(EUSERS) + ")",
       "mdevadm types mtty"},
      {EPERM, ExitCode::failed, "refuses to create mtty-1 on mtty (Operation not permitted)", "dmesg"},
      {ENOENT, ExitCode::not_found, "type mtty-1 on mtty no longer exists", "mdevadm types mtty"},
      {ENODEV, ExitCode::failed, "parent mtty is being removed or not operational", "dmesg"},
      {EBUSY, ExitCode::in_use, "parent mtty is busy", "dmesg"},
      {EIO, ExitCode::failed, "the driver could not create mtty-1 on mtty", "dmesg", Retry::later},
      {EAGAIN, ExitCode::failed, "the driver of mtty is not ready yet", "again in a moment", Retry::soon},
      {ENOMEM, ExitCode::no_capacity, "not enough memory for mtty-1 on mtty", "before Linux 5.13"},
      {E2BIG, ExitCode::failed, "the create arguments are too long", "--create-arg"},
      {ERANGE, ExitCode::failed, "invalid type 'mtty-1' (expected a type number)", "mdevadm types mtty"},
      {EINVAL, ExitCode::failed, "refuses to create mtty-1 on mtty now: Invalid argument",
       "mdevadm show mtty"},
      {EACCES, ExitCode::failed, "cannot create mtty-1 on mtty: " + text(EACCES)},
      {ENXIO, ExitCode::failed, "refuses to create mtty-1 on mtty: " + text(ENXIO), "dmesg"},
  };
  for (const Expected& expected : all) {
    check(create_error(expected.number, creation(), {}, false), expected);
  }
}

TEST_CASE("the errno of a creation means something else for other kinds of parents and parameters") {
  const Capabilities functions{.functions = true};
  check(create_error(EPERM, creation(), functions, true),
        {EPERM, ExitCode::conflict, "refuses to create mtty-1 on mtty (Operation not permitted)", "dmesg"});
  check(create_error(ENOMEM, creation(), functions, true),
        {ENOMEM, ExitCode::no_capacity, "lacks memory of the host to create mtty-1 on mtty", "MemAvailable"});
  check(create_error(ENODEV, creation(), functions, true),
        {ENODEV, ExitCode::not_found, "type mtty-1 on mtty is unknown to the driver", "mdevadm types mtty"});
  check(create_error(EBUSY, creation(), {.online = true}, false),
        {EBUSY, ExitCode::in_use, "a device of the same virtual machine is already online",
         "stop the virtual machine's devices"});
  check(create_error(EIO, creation(), functions, true),
        {EIO, ExitCode::failed, "the GPU's resource manager refuses to create mtty-1 on mtty",
         "possible causes", Retry::later});
  Creation hidden = creation();
  hidden.hidden = true;
  check(create_error(EIO, hidden, functions, true),
        {EIO, ExitCode::no_capacity, "no available instances of mtty-1 on mtty", "mdevadm types mtty"});
  Creation beside = creation();
  beside.beside = Device{.uuid = other, .parent = beside.parent};
  check(create_error(EBUSY, beside, {}, false),
        {EBUSY, ExitCode::in_use, "the IOMMU group of '" + other.str() + "' is in use", "--p2p off"});
  check(create_error(ENODEV, beside, {}, false),
        {ENODEV, ExitCode::failed, "or the IOMMU group of '" + other.str() + "' no longer exists", "dmesg"});
  check(create_error(EINVAL, beside, {}, false),
        {EINVAL, ExitCode::failed, "cannot create the device in the IOMMU group of '" + other.str() + "'",
         "--p2p off"});
  Creation several = creation();
  several.units = 2;
  check(create_error(ENOSPC, several, {}, false),
        {ENOSPC, ExitCode::no_capacity, "2 instances of mtty-1 on mtty are not available",
         "mdevadm types mtty"});
  check(create_error(EINVAL, several, {}, false),
        {EINVAL, ExitCode::failed, "cannot create mtty-1 on mtty from 2 instances", "-o +aggregate mtty"});
  check(create_error(EINVAL, creation(), {.numbered = true}, false),
        {EINVAL, ExitCode::failed, "the driver refuses to create mtty-1 on mtty: Invalid argument",
         "possible causes"});
  check(
      create_error(EINVAL, creation(), {.create_arguments = Support::yes}, false),
      {EINVAL, ExitCode::failed, "the driver requires create arguments for mtty-1 on mtty", "vm_uuid=UUID"});
  Creation with_arguments = creation();
  with_arguments.arguments = "a=1";
  check(create_error(EINVAL, with_arguments, {.create_arguments = Support::yes}, false),
        {EINVAL, ExitCode::failed, "the driver rejected the create arguments of mtty-1 on mtty: 'a=1'",
         "one is unknown or missing"});
}

TEST_CASE("a refusal despite available instances has the exit code no_capacity") {
  check(refused_although_available(creation(), 1),
        {ENOSPC, ExitCode::no_capacity, "although it reports 1 available instance", "dmesg"});
  Creation intel = creation();
  intel.type = *TypeName::parse("i915-GVTg_V5_4");
  const Error error = refused_although_available(intel, 2);
  check(error, {ENOSPC, ExitCode::no_capacity, "although it reports 2 available instances", "dmesg"});
  REQUIRE(error.hints().size() == 3);
  CHECK_THAT(error.hints()[1], Catch::Matchers::ContainsSubstring("GVT-g needs graphics memory"));
  check(nothing_created(std::chrono::seconds(5)),
        {0, ExitCode::failed, "no device has appeared within 5 s", "dmesg"});
}

TEST_CASE(
    "each errno of a removal, of the online switch and of a peer-to-peer set has its exit code and reason") {
  for (const Expected& expected :
       std::vector<Expected>{{EBUSY, ExitCode::in_use, "in use (Device or resource busy)"},
                             {EPERM, ExitCode::in_use, "in use (Operation not permitted)"},
                             {EAGAIN, ExitCode::failed, "is being created or removed", "again in a moment"},
                             {EIO, ExitCode::failed, "cannot remove the device: the driver failed", "dmesg"},
                             {EINVAL, ExitCode::failed, "rejected by the kernel (Invalid argument)", "dmesg"},
                             {EACCES, ExitCode::failed, "cannot remove the device: " + text(EACCES)}}) {
    check(remove_error(expected.number), expected);
  }
  for (const Expected& expected : std::vector<Expected>{
           {ENOENT, ExitCode::failed, "cannot bring the device online: not supported by the driver"},
           {ENOSPC, ExitCode::no_capacity, "no available peer-to-peer resources", "another virtual machine"},
           {EBUSY, ExitCode::in_use, "the device is in use", "stop the virtual machine"},
           {EINVAL, ExitCode::failed, "rejected by the driver in the current state", "dmesg"},
           {ENODEV, ExitCode::failed, "the device is being removed", "dmesg"},
           {EIO, ExitCode::failed, "cannot bring the device online: " + text(EIO), "dmesg"}}) {
    check(online_error(expected.number, true), expected);
  }
  check(online_error(EBUSY, false),
        {EBUSY, ExitCode::in_use, "cannot take the device offline: ", "stop the virtual machine"});
  for (const Expected& expected : std::vector<Expected>{
           {EBUSY, ExitCode::in_use, "the device or a member of the set is in use",
            "stop the virtual machine"},
           {EXDEV, ExitCode::failed, "it contains devices of another driver", "--p2p off"},
           {ENOSPC, ExitCode::no_capacity, "no available peer-to-peer resources", "--p2p off"},
           {EINVAL, ExitCode::failed, "the driver rejected the value (Invalid argument)", "dmesg"},
           {ENODEV, ExitCode::failed, "the device is being removed", "dmesg"},
           {EIO, ExitCode::failed, "cannot join peer-to-peer set " + other.str() + ": " + text(EIO),
            "dmesg"}}) {
    check(join_error(expected.number, other), expected);
  }
}

TEST_CASE("each errno of an aggregation and of an attribute has its exit code and reason") {
  for (const Expected& expected : std::vector<Expected>{
           {EINVAL, ExitCode::failed, "not enough available instances, or device in use", "mdevadm types"},
           {ENOSPC, ExitCode::no_capacity, "not enough available instances", "mdevadm types"},
           {E2BIG, ExitCode::failed, "the number is too large"},
           {EIO, ExitCode::failed, "cannot aggregate 2 instances: " + text(EIO), "dmesg"}}) {
    check(aggregate_error(expected.number, 2), expected);
  }
  const Attribute plain{*AttributeName::parse("vgpu_params"), "1"};
  for (const Expected& expected : std::vector<Expected>{
           {ENOENT, ExitCode::not_found, "cannot set attribute 'vgpu_params' to '1': no such attribute"},
           {EACCES, ExitCode::failed, "the attribute is not writable"},
           {EXDEV, ExitCode::failed, "not below the device's sysfs directory"},
           {EADDRNOTAVAIL, ExitCode::failed, "the queue is reserved for the host"},
           {EADDRINUSE, ExitCode::failed, "a queue is assigned to another device"},
           {EBUSY, ExitCode::failed, "the device is busy", "dmesg"},
           {EPERM, ExitCode::failed, "not permitted while the device is open", "stop the virtual machine"},
           {ENXIO, ExitCode::failed, "the device is not ready"},
           {E2BIG, ExitCode::failed, "the value is too long"},
           {ENODEV, ExitCode::failed, "the device is being removed"},
           {ERANGE, ExitCode::failed, "the number is too large"},
           {EINVAL, ExitCode::failed, "rejected by the driver: " + text(EINVAL), "dmesg"}}) {
    check(attribute_error(expected.number, plain), expected);
  }
  const Attribute placement{*AttributeName::parse("nvidia/placement_id"), "5"};
  CHECK(attribute_error(EIO, placement).hints().front() ==
        "show the placements in use: grep . /sys/bus/pci/devices/*/nvidia/placement_id");
  CHECK(attribute_error(EIO, placement, "mdev").hints().front() ==
        "show the placements in use: grep . /sys/bus/mdev/devices/*/nvidia/placement_id");
  const Attribute adapter{*AttributeName::parse("assign_adapter"), "5"};
  CHECK(attribute_error(EADDRNOTAVAIL, adapter).hints() ==
        std::vector<std::string>{"release all queues of the adapter: chzdev -t ap apmask=-0x05"});
  const Attribute domain{*AttributeName::parse("assign_domain"), "4"};
  CHECK(attribute_error(EADDRNOTAVAIL, domain).hints() ==
        std::vector<std::string>{
            "release all queues of the domain on all adapters: chzdev -t ap aqmask=-0x0004"});
  for (const char* name : {"assign_domain", "unassign_domain", "ap_config"}) {
    const Attribute queues{*AttributeName::parse(name), "4"};
    check(attribute_error(EBUSY, queues),
          {EBUSY, ExitCode::failed, "only Linux 6.0 and later", "stop the virtual machine"});
    check(attribute_error(ENODEV, queues),
          {ENODEV, ExitCode::failed, "no adapter or domain with this number", "ap_max"});
  }
}

TEST_CASE("each errno of enabling virtual functions has its exit code, reason and remedy") {
  ParentState parent{.name = *ParentName::parse("0000:41:00.0"), .total = 16};
  check(functions_error(ENOENT, parent, 4),
        {ENOENT, ExitCode::failed, "no driver is bound to the device", "drivers_probe"});
  parent.self.driver = "other";
  check(functions_error(ENOENT, parent, 4),
        {ENOENT, ExitCode::failed, "the driver other does not support enabling virtual functions", "dmesg"});
  for (const Expected& expected : std::vector<Expected>{
           {ERANGE, ExitCode::conflict, "4 virtual functions are more than the device supports (16)",
            "--vfs all"},
           {EBUSY, ExitCode::in_use, "another number of virtual functions is enabled", "dmesg"},
           {EINVAL, ExitCode::failed, "the driver rejected 4 virtual functions", "dmesg"},
           {ENOMEM, ExitCode::failed, "not enough PCI resources for 4 virtual functions (" + text(ENOMEM),
            "SR-IOV"},
           {ENOSPC, ExitCode::failed, "not enough PCI resources for 4 virtual functions (" + text(ENOSPC),
            "SR-IOV"},
           {EIO, ExitCode::failed, text(EIO), "dmesg"}}) {
    check(functions_error(expected.number, parent, 4), expected);
  }
}
