#include "result_devices.hpp"

#include <algorithm>

#include <mdevadm/render/columns.hpp>
#include <mdevadm/run/observe.hpp>

#include "device_rows.hpp"

namespace mdevadm::cli {

namespace {

Facet all_facets() {
  Facet facets = Facet::devices;
  for (const auto& column : render::device_columns()) {
    facets |= column.info.needs;
  }
  return facets;
}

render::Value object_of(const render::DeviceRow& row) {
  render::Object object;
  for (const auto& column : render::device_columns()) {
    object.fields.emplace_back(std::string(column.info.key), render::owned(column.cell(row)));
  }
  return object;
}

}  // namespace

std::vector<render::Value> result_devices(const Context& context, const std::vector<Identity>& wanted) {
  std::vector<Uuid> uuids;
  for (const Identity& about : wanted) {
    if (about.uuid) {
      uuids.push_back(*about.uuid);
    }
  }
  std::vector<render::Value> devices(wanted.size());
  if (uuids.empty()) {
    return devices;
  }
  const Definitions defined = load_definitions({context.host(), context.store()});
  const Groups groups = context.store().load_groups();
  const Snapshot seen = context.observe_settings({all_facets(), std::nullopt, uuids}, defined, groups);
  const BootEvents boot = context.store().load_boot_events();
  for (const render::DeviceRow& row : device_rows(seen, defined, groups, boot, context.store())) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (row.device != nullptr && row.device->uuid == wanted[i].uuid) {
        devices[i] = object_of(row);
      }
    }
  }
  return devices;
}

}  // namespace mdevadm::cli
