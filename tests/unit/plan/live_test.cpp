#include <mdevadm/plan/live.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const ParentName matrix = *ParentName::parse("matrix");
const TypeName passthrough = *TypeName::parse("vfio_ap-passthrough");
const Uuid uuid = *Uuid::parse("c0ffee00-1111-4222-8333-444444444441");

ApMatrix queues(const char* adapters, const char* domains) {
  return {read_ap_list(adapters, ApKind::adapter).change.added,
          read_ap_list(domains, ApKind::domain).change.added,
          {}};
}

struct Host {
  Snapshot seen;
  Definitions defined;
  LiveRequest request{};

  Host(const ApMatrix& present, QueueChanges changes) {
    seen.ap = ApHost{.adapters = queues("5,6", "").adapters,
                     .domains = queues("", "4,20").domains,
                     .max_adapter = 255,
                     .max_domain = 84,
                     .bound = queues("5,6", "4,20").queues()};
    seen.devices = {
        {.uuid = uuid, .parent = matrix, .type = passthrough, .queues = present, .queue_changes = changes}};
    defined.all = {{uuid, matrix, passthrough}};
    request.device = &seen.devices.front();
    request.definition = &defined.all.front();
  }

  Job plan() const { return plan_modify_live(seen, defined, request); }
  void want(const char* adapters, const char* domains) {
    request.change.queues.adapters = read_ap_list(adapters, ApKind::adapter).change;
    request.change.queues.domains = read_ap_list(domains, ApKind::domain).change;
  }

  // Returns "NAME=VALUE" of all writes, or of those that undo them.
  std::vector<std::string> writes(bool undo = false) const {
    std::vector<std::string> result;
    for (const Step& step : plan().steps) {
      const Action& action = undo && step.undo ? *step.undo : step.action;
      if (const auto* write = std::get_if<WriteAttribute>(&action)) {
        result.push_back(write->attribute.name.str() + "=" + write->attribute.value);
      }
    }
    return result;
  }
  std::string error() const {
    try {
      plan();
      return {};
    } catch (const Error& error) {
      return error.what();
    }
  }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("queues are changed by one write where the kernel has ap_config") {
  Host host(queues("5", "4"), QueueChanges::atomic);
  host.want("5", "4,20");
  CHECK(host.writes() == Texts{"ap_config=" + format_ap_config(queues("5", "4,20"))});
  CHECK(host.writes(true) == Texts{"ap_config=" + format_ap_config(queues("5", "4"))});
  CHECK(std::holds_alternative<CheckQueues>(host.plan().steps.back().action));
}

TEST_CASE("otherwise numbers are removed first, then adapters and then domains are added") {
  Host host(queues("5", "4"), QueueChanges::single);
  host.want("6", "20");
  CHECK(host.writes() == Texts{"unassign_adapter=0x05", "unassign_domain=0x0004", "assign_adapter=0x06",
                               "assign_domain=0x0014"});
  CHECK(host.writes(true) == Texts{"assign_adapter=0x05", "assign_domain=0x0004", "unassign_adapter=0x06",
                                   "unassign_domain=0x0014"});
}

TEST_CASE("the definition is written after the device, with the same relative changes") {
  Host host(queues("5,6", "4"), QueueChanges::atomic);
  host.defined.all.front().attributes = assignments_of(queues("5", "4"));
  host.request.change.queues.domains = read_ap_list("+20", ApKind::domain).change;
  host.request.changes_definition = true;
  CHECK(host.writes() == Texts{"ap_config=" + format_ap_config(queues("5,6", "4,20"))});
  const Job job = host.plan();
  const auto* replaces = std::get_if<ReplaceDefinition>(&job.steps.back().action);
  REQUIRE(replaces != nullptr);
  CHECK(assigned_by(replaces->after.attributes) == queues("5", "4,20"));
}

TEST_CASE("without changes the definition is applied") {
  Host host(queues("5", "4"), QueueChanges::atomic);
  host.defined.all.front().attributes = assignments_of(queues("5", "20"));
  CHECK(host.writes() == Texts{"ap_config=" + format_ap_config(queues("5", "20"))});
  host.defined.all.front().attributes = assignments_of(queues("5", "4"));
  CHECK(host.writes().empty());
  host.defined.all.front().aggregate = 2;
  host.seen.devices.front().units = 1;
  CHECK(host.error().find("aggregate (definition: 2, device: 1) cannot be changed") != std::string::npos);
  host.request.definition = nullptr;
  CHECK(host.error().find("has no definition") != std::string::npos);
}

TEST_CASE("a guest keeps its adapters, or the change is refused") {
  Host host(queues("5", "4"), QueueChanges::atomic);
  host.seen.ap->bound = queues("5", "4").queues();
  host.request.change.queues.domains = read_ap_list("+20", ApKind::domain).change;
  CHECK(host.error().empty());
  host.seen.devices.front().busy = true;
  CHECK(host.error().find("queue 05.0014 is not bound to vfio_ap") != std::string::npos);
  CHECK(host.error().find("would lose adapter 0x05") != std::string::npos);
  host.request.forced = true;
  CHECK(host.plan().warnings.size() == 1);
  host.seen.devices.front().queue_changes = QueueChanges::idle;
  CHECK(host.error().find("Linux before 6.0") != std::string::npos);
}

TEST_CASE("the value of an attribute is restored if it could be read") {
  Host host(queues("5", "4"), QueueChanges::atomic);
  host.seen.devices.front().settings.made().attributes["a/b"] = "7";
  host.request.change.add_attributes = {{*AttributeName::parse("a/b"), "8"}};
  CHECK(host.writes() == Texts{"a/b=8"});
  CHECK(host.writes(true) == Texts{"a/b=7"});
}

TEST_CASE("before Linux 6.0 queues that are not bound are refused") {
  Host host(queues("5", "4"), QueueChanges::idle);
  host.seen.ap->bound = queues("5", "4").queues();
  host.want("5", "4,20");
  CHECK(host.error().find("queue 05.0014 is not bound to vfio_ap; Linux before 6.0") != std::string::npos);
  host.want("5", "4,9");
  CHECK(host.error().find("queue 05.0009 is not on this host; Linux before 6.0") != std::string::npos);
  host.want("5", "4,9,20");
  CHECK(host.error().find("queue 05.0014 is not bound to vfio_ap, and queue 05.0009 is not on this host; ") !=
        std::string::npos);
  host.seen.ap->bound = queues("5", "4,20").queues();
  host.want("5", "4,20");
  CHECK(host.error().empty());
}

TEST_CASE("a warning names the queues that a device in use loses") {
  Host host(queues("5", "4,20"), QueueChanges::atomic);
  host.want("5", "4");
  CHECK(host.plan().warnings.empty());
  host.seen.devices.front().busy = true;
  host.seen.devices.front().holders = {{4711, "qemu"}};
  REQUIRE(host.plan().warnings.size() == 1);
  CHECK(host.plan().warnings.front().find("in use by qemu (pid 4711), which loses queue 05.0014") !=
        std::string::npos);
}

TEST_CASE("each node of a device is changed and restored by a step of its own") {
  Host host(queues("5", "4"), QueueChanges::atomic);
  host.seen.devices.front().nodes = {{Node::Kind::group, "/dev/vfio/1", "qemu", "kvm", 0660},
                                     {Node::Kind::cdev, "/dev/vfio/devices/vfio0", "root", "root", 0600}};
  host.request.node = NodePolicy{std::nullopt, std::nullopt, 0666};
  const Job job = host.plan();
  REQUIRE(job.steps.size() == 2);
  CHECK(std::get<OwnNode>(job.steps[1].action).node == "/dev/vfio/devices/vfio0");
  CHECK(std::get<OwnNode>(*job.steps[0].undo).policy.mode == 0660U);
  CHECK(std::get<OwnNode>(*job.steps[1].undo).policy.mode == 0600U);
}

TEST_CASE("the settings of an active device become changes of its definition") {
  Host host(queues("5", "4,20"), QueueChanges::atomic);
  Device& device = host.seen.devices.front();
  Definition& definition = host.defined.all.front();
  definition.attributes = {{*AttributeName::parse("assign_adapter"), "5"},
                           {*AttributeName::parse("limit"), "1"},
                           {*AttributeName::parse("gone"), "1"}};
  device.settings.made().attributes = {{"limit", "2"}, {"gone", std::nullopt}};
  device.nodes = {{Node::Kind::group, "/dev/vfio/1", "qemu", "kvm", 0660}};
  definition.node = NodePolicy{"root", std::nullopt, std::nullopt};
  const ModifyRequest request = as_active(host.seen, device, definition, std::nullopt, {});
  const Job job = plan_modify(host.seen, host.defined, definition, request);
  REQUIRE(job.steps.size() == 1);
  CHECK(job.notes.empty());
  const Definition& after = std::get<ReplaceDefinition>(job.steps.front().action).after;
  CHECK(assigned_by(after.attributes) == queues("5", "4,20"));
  CHECK(after.attributes.back() == Attribute{*AttributeName::parse("limit"), "2"});
  CHECK(after.node->owner == "qemu");
  CHECK_FALSE(after.node->group);
}
