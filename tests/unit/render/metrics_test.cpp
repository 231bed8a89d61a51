#include <mdevadm/render/metrics.hpp>

#include <algorithm>
#include <string>

#include "catch.hpp"

using namespace mdevadm;
using namespace mdevadm::render;

namespace {

Parent parent_of(const char* name) {
  return {.name = *ParentName::parse(name), .path = ""};
}

Type type_of(const char* id) {
  return {.id = *TypeName::parse(id)};
}

bool has_line(const std::string& text, const std::string& line) {
  return text.starts_with(line + "\n") || text.find("\n" + line + "\n") != std::string::npos;
}

std::size_t count_lines(const std::string& text, const std::string& start) {
  const std::string lines = "\n" + text;
  std::size_t count = 0;
  for (std::size_t at = lines.find("\n" + start); at != std::string::npos;
       at = lines.find("\n" + start, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("values of labels are escaped, and bytes that are not UTF-8 cannot make the text invalid") {
  Snapshot seen;
  seen.parents = {parent_of("p")};
  Type type = type_of("t");
  type.name = "a \"b\" \\ c\nd \xff é";
  type.available = 3;
  seen.parents[0].types = {type};
  HostMetrics host{.seen = seen};
  host.types = {{&seen.parents[0], &seen.parents[0].types[0]}};
  CHECK(has_line(render_metrics(host),
                 "mdevadm_type_instances_available{parent=\"p\",type=\"t\",name=\"a \\\"b\\\" \\\\ c\\\\x0ad "
                 "\\\\xff é\"} 3"));
}

TEST_CASE("values that are not known are omitted") {
  Snapshot seen;
  seen.parents = {parent_of("p")};
  seen.parents[0].types = {type_of("t")};
  seen.parents[0].capabilities.mdev_types = true;
  HostMetrics host{.seen = seen};
  host.types = {{&seen.parents[0], &seen.parents[0].types[0], 2}};
  const std::string text = render_metrics(host);
  CHECK(count_lines(text, "mdevadm_type_instances_available{") == 0);
  CHECK(count_lines(text, "mdevadm_type_instances_maximum{") == 0);
  CHECK(has_line(text, "mdevadm_type_instances_used{parent=\"p\",type=\"t\",name=\"\"} 2"));
  CHECK(has_line(text, "mdevadm_parent_readable{parent=\"p\"} 0"));
}

TEST_CASE("a series that occurs twice is printed once") {
  Snapshot seen;
  seen.parents = {parent_of("p"), parent_of("p")};
  CHECK(count_lines(render_metrics({.seen = seen}), "mdevadm_parent_info{") == 1);
}

TEST_CASE("each metric has its HELP and TYPE once, also without values") {
  const Snapshot seen;
  const std::string text = render_metrics({.seen = seen});
  CHECK(count_lines(text, "# HELP ") == count_lines(text, "# TYPE "));
  CHECK(count_lines(text, "# TYPE mdevadm_device_start_seconds gauge\n") == 1);
  CHECK(text.ends_with("\n"));
}

TEST_CASE("devices are counted by parent and state") {
  const auto uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001");
  const Definition definition{.uuid = uuid, .parent = *ParentName::parse("q"), .type = *TypeName::parse("t")};
  Device device{.uuid = uuid, .parent = *ParentName::parse("p"), .type = *TypeName::parse("t")};
  device.removing = true;
  const Snapshot seen;
  HostMetrics host{.seen = seen};
  host.devices = {{.device = &device}, {.definition = &definition}};
  const std::string text = render_metrics(host);
  CHECK(has_line(text, "mdevadm_devices{parent=\"p\",state=\"removing\"} 1"));
  CHECK(has_line(text, "mdevadm_devices{parent=\"p\",state=\"inactive\"} 0"));
  CHECK(has_line(text, "mdevadm_devices{parent=\"q\",state=\"inactive\"} 1"));
  CHECK(has_line(text, "mdevadm_devices_defined{parent=\"q\"} 1"));
  CHECK(has_line(text, "mdevadm_devices_in_use{parent=\"p\"} 1"));
}

TEST_CASE("without permission to see all processes the number of devices in use is not known") {
  Device device{.uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001"),
                .parent = *ParentName::parse("p")};
  const Snapshot seen;
  HostMetrics host{.seen = seen};
  DeviceRow row{.device = &device};
  row.unseen_processes = 1;
  host.devices = {row};
  CHECK(count_lines(render_metrics(host), "mdevadm_devices_in_use{") == 0);
}

TEST_CASE("the recorded duration of a start takes precedence over that of the autostart") {
  const auto uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001");
  const auto parent = *ParentName::parse("p");
  const Definition definition{.uuid = uuid, .parent = parent, .type = *TypeName::parse("t")};
  Device device{.uuid = uuid, .parent = parent, .type = *TypeName::parse("t")};
  const BootEvent event{.uuid = uuid,
                        .parent = parent,
                        .outcome = BootOutcome::started,
                        .asked = std::chrono::milliseconds(1000),
                        .begun = std::chrono::milliseconds(3000),
                        .ended = std::chrono::milliseconds(3250)};
  const Snapshot seen;
  HostMetrics host{.seen = seen};
  DeviceRow row{.device = &device, .definition = &definition};
  row.automatic = true;
  row.boot = &event;
  host.devices = {row};
  const std::string labels = "{parent=\"p\",uuid=\"" + uuid.str() + "\",device=\"\"} ";
  std::string text = render_metrics(host);
  CHECK(has_line(text, "mdevadm_device_start_seconds" + labels + "0.250"));
  CHECK(has_line(text, "mdevadm_autostart_duration_seconds 2.250"));
  CHECK(has_line(text, "mdevadm_autostart_devices{parent=\"p\",result=\"started\"} 1"));
  device.start_took = std::chrono::milliseconds(7);
  text = render_metrics(host);
  CHECK(has_line(text, "mdevadm_device_start_seconds" + labels + "0.007"));
}
