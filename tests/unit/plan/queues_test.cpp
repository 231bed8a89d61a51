#include <algorithm>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const ParentName matrix = *ParentName::parse("matrix");
const TypeName passthrough = *TypeName::parse("vfio_ap-passthrough");

ApSet set(const char* list) {
  return read_ap_list(list, ApKind::domain).change.added;
}

Definition crypto(int number, const char* adapters, const char* domains,
                  StartMode start = StartMode::manual) {
  Definition definition{*Uuid::parse("c0ffee00-1111-4222-8333-44444444444" + std::to_string(number)), matrix,
                        passthrough, start};
  definition.name = Label::parse("crypto" + std::to_string(number));
  definition.attributes = assignments_of({set(adapters), set(domains), {}});
  return definition;
}

Snapshot host() {
  Snapshot seen;
  seen.parents = {{.name = matrix, .path = "sys/devices/vfio_ap/matrix", .types = {{.id = passthrough}}}};
  seen.ap = ApHost{.adapters = set("5,6"), .domains = set("4,20"), .max_adapter = 255, .max_domain = 84};
  return seen;
}

Device active(const Definition& definition) {
  return {.uuid = definition.uuid,
          .parent = matrix,
          .type = passthrough,
          .queues = assigned_by(definition.attributes)};
}

// Returns the text after the name of the device.
std::string reason(const std::string& text) {
  return text.substr(std::min(text.find(": "), text.size() - 2) + 2);
}

std::vector<std::string> reasons(const std::vector<std::string>& texts) {
  std::vector<std::string> result;
  std::transform(texts.begin(), texts.end(), std::back_inserter(result), reason);
  return result;
}

struct Outcome {
  std::string error;
  std::vector<std::string> hints;
};

Outcome start(const Snapshot& seen, const Definitions& defined, const std::vector<Definition>& wanted) {
  StartPlanner planner(seen, {.defined = &defined});
  try {
    for (const Definition& one : wanted) {
      planner.plan(one);
    }
  } catch (const Error& error) {
    return {reason(error.what()), error.hints()};
  }
  return {};
}

}  // namespace

TEST_CASE("a start is refused for queues of the host, with the masks that release them") {
  Snapshot seen = host();
  seen.ap->host_adapters = set("0-255");
  seen.ap->host_domains = set("0-19,21-255");
  CHECK(start(seen, {}, {crypto(1, "5,6", "20")}).error.empty());
  const Outcome outcome = start(seen, {}, {crypto(1, "5,6", "4,20")});
  CHECK(outcome.error == "queues 05.0004, 06.0004 are reserved for the host (apmask, aqmask)");
  CHECK(outcome.hints ==
        std::vector<std::string>{
            "release all queues of the adapters (no queue remains for the host): chzdev -t ap "
            "apmask=-0x05-0x06",
            "release all queues of the domain on all adapters (no queue remains for the host): chzdev -t ap "
            "aqmask=-0x0004"});
  seen.ap->overrides = {{{5, 4}, "cex4queue"}};
  CHECK(start(seen, {}, {crypto(1, "5", "4")}).hints.front().find("driver_override") != std::string::npos);
}

TEST_CASE("a start is refused for queues of active devices and of devices that start with it") {
  Snapshot seen = host();
  const Definition other = crypto(1, "5", "4");
  Definitions defined;
  defined.all = {other};
  const Outcome together = start(seen, defined, {other, crypto(2, "5", "4,20")});
  CHECK(together.error == "queue 05.0004 is also defined for 'crypto1', which is started before it");
  CHECK(together.hints ==
        std::vector<std::string>{
            "remove the domain from one of the definitions: mdevadm modify crypto2 --domain=-0x0004"});
  CHECK(start(seen, defined, {other, crypto(2, "5", "20")}).error.empty());
  seen.devices = {active(other)};
  const Outcome outcome = start(seen, defined, {crypto(2, "5-6", "4")});
  CHECK(outcome.error == "queue 05.0004 is assigned to the active device 'crypto1'");
  CHECK(outcome.hints == std::vector<std::string>{"stop that device: mdevadm stop crypto1"});
  CHECK(start(seen, {}, {crypto(2, "5", "4")}).error.find("device '" + other.uuid.str() + "'") !=
        std::string::npos);
}

TEST_CASE("a device without a usable definition is active already, and does not differ from one") {
  Snapshot seen = host();
  const Definition other = crypto(1, "5", "4");
  seen.devices = {active(other)};
  Definition placeholder = other;
  placeholder.attributes.clear();
  Definitions defined;
  const auto notes = [&] { return StartPlanner(seen, {.defined = &defined}).plan(placeholder).notes; };
  REQUIRE(notes().size() == 1);
  CHECK(notes()[0].ends_with(" is already active"));
  defined.all = {placeholder};
  CHECK(notes().at(0).find("differs from its definition") != std::string::npos);
}

TEST_CASE("a start is refused for numbers beyond those of the machine, and warns about absent ones") {
  const Snapshot seen = host();
  CHECK(start(seen, {}, {crypto(1, "5", "85-86")}).error ==
        "the machine has no domain 0x0055-0x0056 (the highest is 0x54)");
  const Job job = StartPlanner(seen).plan(crypto(1, "5,9", "4"));
  CHECK(reasons(job.warnings) ==
        std::vector<std::string>{"adapter 0x09 is not on this host; the guest gets the queues when they "
                                 "appear (Linux 6.0 and later; before, the device cannot be started)"});
  Snapshot unknown = host();
  unknown.ap.reset();
  CHECK(start(unknown, {}, {crypto(1, "5", "200")}).error.empty());
}

TEST_CASE("define and modify refuse new numbers beyond those of the machine, and warn with --force") {
  const Snapshot seen = host();
  const std::string text = "the machine has no domain 0x0055 (the highest is 0x54)";
  Definition wanted = crypto(1, "5", "4,85");
  const auto define = [&](FitsHost fits) {
    return reasons(plan_define(seen, {}, {wanted, std::nullopt, fits}).warnings);
  };
  CHECK_THROWS_WITH(define(FitsHost::required), Catch::Matchers::EndsWith(text));
  CHECK(define(FitsHost::later) == std::vector<std::string>{text + ", so the device cannot be started"});
  const auto correction = [&](const Definition& definition) {
    const ApMatrix matrix = assigned_by(definition.attributes);
    return impossible_numbers(seen, matrix).at(0).correction(matrix);
  };
  CHECK(correction(wanted) == " --domain=-0x0055");
  CHECK(correction(crypto(1, "5", "85")) == " --domain NUMBERS");
  CHECK(missing_numbers(seen, assigned_by(wanted.attributes)).empty());
  ModifyRequest automatic;
  automatic.start = StartMode::automatic;
  CHECK(plan_modify(seen, {}, wanted, automatic).warnings.size() == 1);
  ModifyRequest more;
  more.queues.control_domains = read_ap_list("+86", ApKind::control_domain).change;
  CHECK_THROWS_WITH(plan_modify(seen, {}, wanted, more),
                    Catch::Matchers::ContainsSubstring("no control domain 0x0056"));
  ModifyRequest less;
  less.queues.domains = read_ap_list("-85", ApKind::domain).change;
  CHECK(plan_modify(seen, {}, wanted, less).warnings.empty());
  wanted.attributes.push_back({*AttributeName::parse("assign_domain"), "5,6"});
  try {
    plan_modify(seen, {}, wanted, less);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::failed);
    CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring("'5,6' is a list"));
  }
  wanted.attributes = assignments_of({set("5"), set("4"), set("85")});
  CHECK(correction(wanted) == " --control-domain=-0x0055");
}

TEST_CASE("only numbers that are typed in decimal may be meant as hexadecimal ones") {
  const Snapshot seen = host();
  const auto doubts = [&](const char* list, ApKind kind = ApKind::domain) {
    ApChanges typed;
    (kind == ApKind::adapter ? typed.adapters : typed.domains) = read_ap_list(list, kind).change;
    return doubts_about_decimals(seen, typed);
  };
  CHECK(doubts("14") ==
        std::vector<std::string>{"14 is decimal (0x000e); if domain 0x0014 of this host is meant, use 0x"});
  CHECK(doubts("0x04,14").size() == 1);
  CHECK(doubts("+14").size() == 1);
  for (const char* list : {"0x0e", ".000e", "13-14", "0x0e-0x0f", "-14", "14,0x0e", "14,0x14", "4", "15"}) {
    CAPTURE(list);
    CHECK(doubts(list).empty());
  }
  Snapshot other = seen;
  other.ap->adapters = set("0x10,0x11");
  ApChanges typed;
  typed.adapters = read_ap_list("10,11", ApKind::adapter).change;
  CHECK(doubts_about_decimals(other, typed) ==
        std::vector<std::string>{
            "10,11 are decimal (0x0a-0x0b); if adapters 0x10-0x11 of this host are meant, use 0x"});
  typed.adapters = read_ap_list("card0a,card0b", ApKind::adapter).change;
  CHECK(doubts_about_decimals(other, typed).empty());
  other.ap.reset();
  CHECK(doubts_about_decimals(other, typed).empty());
}

TEST_CASE("define and modify find definitions with the same queues") {
  Snapshot seen = host();
  Definitions defined;
  defined.all = {crypto(1, "5,6", "4", StartMode::automatic)};
  const auto define = [&](const Definition& wanted) {
    return reasons(plan_define(seen, defined, {wanted, std::nullopt, FitsHost::later}).warnings);
  };
  CHECK(define(crypto(2, "6", "20")).empty());
  CHECK(define(crypto(2, "6", "4,20")) ==
        std::vector<std::string>{"queue 06.0004 is also defined for 'crypto1'; the devices cannot "
                                 "be active at the same time"});
  try {
    define(crypto(2, "6", "4", StartMode::automatic));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::conflict);
    CHECK(reason(error.what()) ==
          "queue 06.0004 is also defined for 'crypto1', and both devices have autostart");
  }
  const Definition current = crypto(2, "6", "4");
  ModifyRequest request;
  request.start = StartMode::automatic;
  CHECK_THROWS_AS(plan_modify(seen, defined, current, request), Error);
  request.queues.domains = read_ap_list("-4,+20", ApKind::domain).change;
  const Job job = plan_modify(seen, defined, current, request);
  CHECK(assigned_by(std::get<ReplaceDefinition>(job.steps.at(0).action).after.attributes).domains ==
        set("20"));
  Device transient = active(crypto(3, "6", "20"));
  seen.devices = {transient};
  CHECK(define(crypto(2, "6", "20")) ==
        std::vector<std::string>{"queue 06.0014 is assigned to the active device '" + transient.uuid.str() +
                                 "', so before the start, stop that device: mdevadm stop " +
                                 transient.uuid.str()});
  seen.devices.clear();
  seen.ap->host_adapters = seen.ap->host_domains = set("0-255");
  CHECK(define(crypto(2, "6", "20")).front().find("06.0014 is reserved for the host") != std::string::npos);
}

TEST_CASE("a value that the kernel refuses prevents a start, and changes that do not replace it") {
  Definition definition = crypto(1, "5", "4");
  const auto code = [](const auto& check) {
    try {
      check();
    } catch (const Error& error) {
      CHECK(std::string(error.what()).starts_with("cannot x: attribute 'assign_adapter': "));
      CHECK_FALSE(error.hints().empty());
      return error.code();
    }
    return ExitCode::done;
  };
  const auto valid = [&] { require_valid_queues(definition, "cannot x"); };
  ApChanges adapters, domains;
  adapters.adapters = read_ap_list("6", ApKind::adapter).change;
  domains.domains = read_ap_list("6", ApKind::domain).change;
  CHECK(code(valid) == ExitCode::done);
  definition.attributes.push_back({*AttributeName::parse("assign_adapter"), "x"});
  CHECK(code(valid) == ExitCode::failed);
  CHECK(code([&] { require_replaced(definition, domains, "cannot x"); }) == ExitCode::failed);
  CHECK(code([&] { require_replaced(definition, adapters, "cannot x"); }) == ExitCode::done);
  adapters.adapters = read_ap_list("+6", ApKind::adapter).change;
  CHECK(code([&] { require_replaced(definition, adapters, "cannot x"); }) == ExitCode::failed);
  definition.type = *TypeName::parse("mtty-1");  // has no queues
  CHECK(code(valid) == ExitCode::done);
}
