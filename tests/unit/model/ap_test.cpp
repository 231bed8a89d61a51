#include <fmt/format.h>

#include <mdevadm/model/ap.hpp>
#include <mdevadm/model/definition.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

Attribute attribute(const std::string& name, const std::string& value) {
  return {*AttributeName::parse(name), value};
}

std::string problem(const std::string& text, ApKind kind = ApKind::domain) {
  return read_ap_list(text, kind).problem;
}

std::string list(const std::string& text, ApKind kind = ApKind::domain) {
  const ApReading reading = read_ap_list(text, kind);
  return reading.problem.empty() ? format_ap_list(reading.change.added, kind) : reading.problem;
}

std::vector<std::string> words(const std::vector<Attribute>& attributes) {
  std::vector<std::string> result;
  for (const Attribute& one : attributes) {
    result.push_back(one.name.str() + "=" + one.value);
  }
  return result;
}

ApChange change(const std::string& text, ApKind kind) {
  return read_ap_list(text, kind).change;
}

}  // namespace

TEST_CASE("adapters and domains are read as decimal or 0x numbers, lists and ranges") {
  CHECK(list("20") == "0x0014");
  CHECK(list("0x14,0X15, 22") == "0x0014-0x0016");
  CHECK(list("0") == "0x0000");
  CHECK(list("0x0014") == "0x0014");
  CHECK(list("0-84") == "0x0000-0x0054");
  CHECK(list("0x1-0x4,0xab") == "0x0001-0x0004,0x00ab");
  CHECK(list(".0014-.0016") == "0x0014-0x0016");
  CHECK(list("card05,card0a", ApKind::adapter) == "0x05,0x0a");
  CHECK(list("255") == "0x00ff");
  CHECK(list("").empty());
}

TEST_CASE("the decimal notation of ap-check is refused, and the error names the queue that is meant") {
  CHECK(read_ap_queues("5.20").problem ==
        "invalid queue '5.20' (expected adapter and domain as 2 and 4 hexadecimal digits: 05.0014)");
  CHECK(read_ap_queues("5.256").problem.ends_with(", such as 05.0014)"));
  CHECK(read_ap_queues("05.20").problem.ends_with(", such as 05.0014)"));
  CHECK(list("card5", ApKind::adapter) == "0x05");
  CHECK(problem("card", ApKind::adapter).starts_with("invalid adapter 'card'"));
  CHECK(problem("card005", ApKind::adapter).starts_with("invalid adapter 'card005'"));
}

TEST_CASE("a number with a leading zero is refused with both readings") {
  CHECK(problem("0014") ==
        "'0014' is ambiguous: 12 as octal, which the kernel reads, or 0x14 as hexadecimal, which lszcrypt "
        "prints (expected 0x14 or a number without leading zeros)");
  CHECK(problem("05", ApKind::adapter).find("0x5 as hexadecimal") != std::string::npos);
  CHECK(problem("002b").find("nothing for the kernel, which reads octal, or 0x2b") != std::string::npos);
  CHECK(problem("0300") ==
        "'0300' is octal for the kernel, 192 (expected a number from 0 to 255 without leading zeros)");
  CHECK(problem("0777").starts_with("'0777' is out of range "));
  CHECK(problem("2b").ends_with("hexadecimal with 0x: 0x2b)"));
  CHECK(problem("abc").ends_with("hexadecimal with 0x)"));
  CHECK(problem("5-010").find("8 as octal") != std::string::npos);
}

TEST_CASE("other numbers that are not 0 to 255 are refused, ranges of any length at once") {
  CHECK(problem("256") == "domain '256' is out of range (expected 0 to 255)");
  CHECK(problem("0-1000000") == "domain '1000000' is out of range (expected 0 to 255)");
  CHECK(problem("0-99999999999999999999999") ==
        "domain '99999999999999999999999' is out of range (expected 0 to 255)");
  CHECK(problem("9-3") == "range '9-3' ends before it begins");
  CHECK(problem("2b") == "invalid domain '2b' (expected a number from 0 to 255, hexadecimal with 0x: 0x2b)");
  CHECK(problem("x", ApKind::control_domain) ==
        "invalid control domain 'x' (expected a number from 0 to 255, hexadecimal with 0x)");
  CHECK(problem("05.0014", ApKind::adapter) ==
        "'05.0014' is a queue, not an adapter (expected a number; for queues there is --queue)");
  for (const char* wrong : {"1,", ",", "1-", "-", "0x", "1 2", "0x1-0x2-0x3", "1.5", "card", ".14", "--1"}) {
    CHECK_FALSE(problem(wrong, ApKind::adapter).empty());
  }
}

TEST_CASE("signs add and remove numbers") {
  const ApSet set = change("1-3", ApKind::domain).applied_to({});
  const auto result = [&](const std::string& text) {
    return format_ap_list(change(text, ApKind::domain).applied_to(set), ApKind::domain);
  };
  CHECK(result("7") == "0x0007");
  CHECK(result("+7") == "0x0001-0x0003,0x0007");
  CHECK(result("-2-3,+0x10") == "0x0001,0x0010");
  CHECK(result("-2,+2") == "0x0001-0x0003");
  CHECK(result("").empty());
  CHECK(problem("+1,2") == "'+1,2' mixes numbers with and without sign");
  CHECK_FALSE(problem("1,+2").empty());
}

TEST_CASE("queues are read as lszcrypt prints them, if they are all domains of all their adapters") {
  const ApQueuesReading one = read_ap_queues("05.0014,05.00ab");
  CHECK(one.problem.empty());
  CHECK(format_ap_list(one.matrix.adapters, ApKind::adapter) == "0x05");
  CHECK(format_ap_list(one.matrix.domains, ApKind::domain) == "0x0014,0x00ab");
  CHECK(read_ap_queues("05.0014,06.0015").problem ==
        "a device has all domains of all its adapters, so these queues also give it 05.0015, 06.0014");
  for (const char* wrong : {"5.20", "05.14", "05.0100", "05", "", "0x05.0014", "05.0014-05.0016"}) {
    CHECK(read_ap_queues(wrong).problem.starts_with("invalid queue"));
  }
}

TEST_CASE("values that the kernel misunderstands or refuses are found in attributes") {
  const auto why = [](const char* name, const char* value) {
    return ap_value_problem(attribute(name, value));
  };
  CHECK(why("assign_domain", "0014").starts_with("'0014' is ambiguous: 12 as octal"));
  CHECK(why("assign_adapter", "5,6") ==
        "'5,6' is a list, and assign_adapter takes one number (expected one attribute for each number)");
  CHECK(
      why("assign_adapter", "5,06") ==
      "'5,06' is a list, and assign_adapter takes one number; '06' is ambiguous: 6 as octal, which the "
      "kernel reads, or 0x6 as hexadecimal, which lszcrypt prints (expected 0x6 or a number without leading "
      "zeros)");
  CHECK(why("assign_domain", "4 20") ==
        "'4 20' is a list, and assign_domain takes one number (expected one attribute for each number)");
  CHECK(why("assign_domain", "05.0014") ==
        "'05.0014' is a queue, and assign_domain takes one number (expected 0x0014)");
  CHECK(why("assign_adapter", "05.0014").ends_with("(expected 0x05)"));
  CHECK(why("assign_adapter", "a b-c").starts_with("'a b-c' is a list"));
  CHECK(why("assign_control_domain", "0-84").starts_with("'0-84' is a list"));
  for (const char* sign : {"-1", "-1,2", "+1,+2", "5 "}) {
    CHECK(why("assign_domain", sign) ==
          fmt::format("invalid domain '{}' (expected a number from 0 to 255, hexadecimal with 0x)", sign));
  }
  CHECK_FALSE(why("unassign_domain", "256").empty());
  CHECK_FALSE(why("ap_config", "0x1,0x2").empty());
  for (const char* good : {"5", "0x05", "0x002b", "+5", "0"}) {
    CHECK(why("assign_domain", good).empty());
  }
  CHECK(why("other", "0014").empty());
}

TEST_CASE("masks have number 0 on the left") {
  CHECK(format_ap_mask(change("5,6", ApKind::adapter).added) == "0x06" + std::string(62, '0'));
  CHECK(*read_ap_mask("0x06\n") == change("5,6", ApKind::adapter).added);
  CHECK(read_ap_mask("")->none());
  CHECK_FALSE(read_ap_mask("0xg"));
  CHECK_FALSE(read_ap_mask("0X06"));
  CHECK_FALSE(read_ap_mask(std::string(65, '0')));
  const auto matrix = read_ap_config("0x06,0x08000008,0x0\n");
  REQUIRE(matrix);
  CHECK(matrix->queues().size() == 4);
  CHECK(read_ap_config(format_ap_config(*matrix)) == matrix);
  CHECK_FALSE(read_ap_config("0x06,0x08"));
}

TEST_CASE("matrix and control_domains are read back, also if they are incomplete") {
  const auto both = read_ap_files("05.0004\n05.00ab\n06.0004\n06.00ab\n", "0004\n");
  REQUIRE(both);
  CHECK(format_queues(both->queues(), 3) == "05.0004, 05.00ab, 06.0004, and 1 more");
  CHECK(format_ap_list(both->control_domains, ApKind::control_domain) == "0x0004");
  CHECK(format_ap_list(read_ap_files("05.\n", "")->adapters, ApKind::adapter) == "0x05");
  CHECK(format_ap_list(read_ap_files(".00ab\n", "")->domains, ApKind::domain) == "0x00ab");
  CHECK(read_ap_files("", "")->empty());
  CHECK_FALSE(read_ap_files("05\n", ""));
  for (const char* cut :
       {"05.0004\n05.00", "05.0004\n05.0014\n06.0004\n", "05.0004\n05.", "05.004\n", "5.0004\n"}) {
    CHECK_FALSE(read_ap_files(cut, ""));
  }
  CHECK_FALSE(read_ap_files("", "004\n"));
  CHECK_FALSE(read_ap_files("", "x\n"));
}

TEST_CASE("a matrix becomes attributes and back") {
  const ApMatrix matrix = *read_ap_files("05.0004\n", "0004\n00ab\n");
  CHECK(words(assignments_of(matrix)) ==
        std::vector<std::string>{"assign_adapter=0x05", "assign_domain=0x0004",
                                 "assign_control_domain=0x0004", "assign_control_domain=0x00ab"});
  CHECK(assigned_by(assignments_of(matrix)) == matrix);
  CHECK(format_ap_list(assigned_by({attribute("assign_domain", "0014")}).domains, ApKind::domain) ==
        "0x000c");
  CHECK(assigned_by({attribute("assign_domain", "4"), attribute("unassign_domain", "0x4")}).empty());
  for (const char* masks : {"0x04,0x08,0x0", "0x04,0x08", "0x04,0x08,,0xff"}) {
    CHECK(assigned_by({attribute("ap_config", masks)}).queues().size() == 1);
  }
}

TEST_CASE("a change of numbers leaves the attributes of others as they are") {
  const std::vector<Attribute> before{attribute("assign_adapter", "5"), attribute("assign_domain", "0x4"),
                                      attribute("other", "1"), attribute("assign_domain", "20")};
  CHECK(changed_attributes(before, {}) == before);
  CHECK(changed_attributes(before, {.domains = change("+4,+20", ApKind::domain)}) == before);
  CHECK(words(changed_attributes(before, {.adapters = change("+6", ApKind::adapter),
                                          .domains = change("-4,+0x47", ApKind::domain)})) ==
        std::vector<std::string>{"assign_adapter=5", "assign_adapter=0x06", "other=1", "assign_domain=20",
                                 "assign_domain=0x0047"});
  CHECK(words(changed_attributes({attribute("other", "1")},
                                 {.control_domains = change("3", ApKind::control_domain)})) ==
        std::vector<std::string>{"other=1", "assign_control_domain=0x0003"});
  CHECK(words(changed_attributes({attribute("assign_domain", "3")},
                                 {.adapters = change("1", ApKind::adapter)})) ==
        std::vector<std::string>{"assign_adapter=0x01", "assign_domain=3"});
  CHECK(words(changed_attributes({attribute("ap_config", "0x04,0x08,0x0")},
                                 {.domains = change("+5", ApKind::domain)})) ==
        std::vector<std::string>{"assign_adapter=0x05", "assign_domain=0x0004", "assign_domain=0x0005"});
}

TEST_CASE("values that assign nothing are removed only if all numbers of their kind are replaced") {
  const std::vector<Attribute> before{attribute("assign_adapter", "5,6"), attribute("assign_domain", "4"),
                                      attribute("assign_domain", "300")};
  CHECK(words(changed_attributes(before, {.control_domains = change("3", ApKind::control_domain)})) ==
        std::vector<std::string>{"assign_adapter=5,6", "assign_domain=4", "assign_domain=300",
                                 "assign_control_domain=0x0003"});
  CHECK(words(changed_attributes(before, {.domains = change("4", ApKind::domain)})) ==
        std::vector<std::string>{"assign_adapter=5,6", "assign_domain=4"});
  CHECK(words(changed_attributes(before, {.adapters = change("5-6", ApKind::adapter)})) ==
        std::vector<std::string>{"assign_adapter=0x05", "assign_adapter=0x06", "assign_domain=4",
                                 "assign_domain=300"});
}

TEST_CASE("the meaning of refused values is guessed, and octal numbers are found") {
  const auto meant = [](const char* value, LeadingZeros zeros = LeadingZeros::hexadecimal) {
    return format_ap_list(meant_by(attribute("assign_domain", value), zeros), ApKind::domain);
  };
  CHECK(meant("5,6") == "0x0005-0x0006");
  CHECK(meant(" 5") == "0x0005");
  CHECK(meant("00ab") == "0x00ab");
  CHECK(meant("5,010") == "0x0005,0x0010");
  CHECK(meant("5,010", LeadingZeros::octal) == "0x0005,0x0008");
  CHECK(meant("05 , 6") == "0x0005-0x0006");
  CHECK(meant("05.0014") == "0x0014");
  CHECK(meant("300").empty());
  CHECK(meant("-1").empty());
  const auto octal = octal_number_in(attribute("assign_domain", "0014"));
  REQUIRE(octal);
  CHECK(octal->read == 12);
  CHECK(octal->printed == 20U);
  for (const char* plain : {"05", "0x14", "14", "0", "08", "0777"}) {
    CHECK_FALSE(octal_number_in(attribute("assign_domain", plain)));
  }
  CHECK_FALSE(octal_number_in(attribute("assign_domain", "0377"))->printed);
  CHECK(without_leading_zeros(attribute("assign_adapter", "014")).value == "0x0c");
  CHECK(without_leading_zeros(attribute("assign_adapter", "14")).value == "14");
  CHECK(without_leading_zeros(attribute("other", "014")).value == "014");
}

TEST_CASE("the masks of the host reserve queues, unless a queue has a driver of its own") {
  ApHost host;
  host.host_adapters = change("5", ApKind::adapter).added;
  host.host_domains = change("0-255", ApKind::domain).added;
  CHECK(format_queues(host.reserved_queues(*read_ap_files("05.0004\n06.0004\n", "")), 9) == "05.0004");
  host.overrides = {{{5, 4}, "vfio_ap"}, {{5, 6}, "none"}, {{6, 4}, "cex4queue"}};
  CHECK_FALSE(host.reserves({5, 4}));
  CHECK_FALSE(host.reserves({5, 6}));
  CHECK(host.reserves({6, 4}));
  CHECK(host.reserves({5, 5}));
}

TEST_CASE("values that the kernel refuses differ from those that it reads in another way") {
  for (const auto& [name, value] : {std::pair("assign_domain", "002b"),
                                    {"assign_adapter", "5,6"},
                                    {"assign_domain", "-1"},
                                    {"unassign_domain", "300"},
                                    {"ap_config", "0x04"}}) {
    CHECK_FALSE(ap_refusal(attribute(name, value)).empty());
  }
  for (const auto& [name, value] : {std::pair("assign_domain", "0014"),
                                    {"assign_adapter", "+5"},
                                    {"ap_config", "0x04,0x08"},
                                    {"other", "5,6"}}) {
    CHECK(ap_refusal(attribute(name, value)).empty());
  }
}

TEST_CASE("commands that bind and release queues name all of them") {
  ApHost host;
  host.bound = std::vector<Apqn>{};
  CHECK(advice_to_bind(host, {{5, 4}}) == "bind the queue: echo 05.0004 > /sys/bus/ap/drivers_probe");
  host.other_drivers = {{{5, 4}, "cex4queue"}};
  CHECK(advice_to_bind(host, {{5, 4}, {5, 20}}) ==
        "bind the queues: for q in 05.0004 05.0014; do echo $q > /sys/bus/ap/devices/$q/driver/unbind; echo "
        "$q > "
        "/sys/bus/ap/drivers_probe; done");
  host.overrides = {{{6, 4}, "vfio_ap"}};
  CHECK(
      advice_to_release(host, {{5, 4}, {5, 20}}) ==
      std::vector<std::string>{
          "release the queues: for q in 05.0004 05.0014; do echo vfio_ap > "
          "/sys/bus/ap/devices/$q/driver_override; echo $q > /sys/bus/ap/devices/$q/driver/unbind; echo $q > "
          "/sys/bus/ap/drivers_probe; done"});
  // Queues that the host does not have can have no override.
  host.adapters = read_ap_list("5", ApKind::adapter).change.added;
  host.domains = read_ap_list("4", ApKind::domain).change.added;
  CHECK(advice_to_release(host, {{5, 20}}).empty());
  CHECK(advice_to_release(host, {{5, 4}, {5, 20}})
            .front()
            .starts_with("release the queue: echo vfio_ap > "
                         "/sys/bus/ap/devices/05.0004/"));
}

TEST_CASE("commands that change masks name the other queues that they take, the fewest first") {
  ApHost host;
  host.adapters = read_ap_list("0-3,8", ApKind::adapter).change.added;
  host.domains = read_ap_list("1,2,6,8", ApKind::domain).change.added;
  host.host_adapters = read_ap_list("0-1", ApKind::adapter).change.added;
  host.host_domains = read_ap_list("0-6", ApKind::domain).change.added;
  CHECK(advice_to_release(host, {{0, 6}, {1, 6}}) ==
        std::vector<std::string>{
            "release all queues of the domain on all adapters: chzdev -t ap aqmask=-0x0006",
            "release all queues of the adapters (also 00.0001, 00.0002, 01.0001, 01.0002; no queue remains "
            "for the host): chzdev -t ap apmask=-0x00-0x01"});
  CHECK(advice_to_release(host, {{0, 1}, {0, 2}, {0, 6}}) ==
        std::vector<std::string>{
            "release all queues of the adapter: chzdev -t ap apmask=-0x00",
            "release all queues of the domains on all adapters (also 01.0001, 01.0002, 01.0006; no queue "
            "remains for the host): chzdev -t ap aqmask=-0x0001-0x0002,-0x0006"});
  // Queues that do not exist are no loss.
  host.adapters = host.domains = read_ap_list("8", ApKind::adapter).change.added;
  CHECK(advice_to_release(host, {{0, 6}}) ==
        std::vector<std::string>{
            "release all queues of the adapter: chzdev -t ap apmask=-0x00",
            "release all queues of the domain on all adapters: chzdev -t ap aqmask=-0x0006"});
}

TEST_CASE("a range without an end is called so") {
  CHECK(read_ap_list("5-", ApKind::adapter).problem.starts_with("range '5-' has no end"));
}
