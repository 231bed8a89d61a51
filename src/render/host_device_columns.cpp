// Columns of devices of the host that are not parents.
#include <array>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/util/text.hpp>

#include "cells.hpp"

namespace mdevadm::render {

namespace {

Value device_number(const HostDeviceRow& row) {
  return row.device->channel_device ? Value(row.device->channel_device->number) : Value();
}

Value device_type(const HostDeviceRow& row) {
  return row.device->channel_device ? text_or_none(row.device->channel_device->type)
         : row.device->card         ? text_or_none(row.device->card->type)
                                    : Value();
}

Value is_online(const HostDeviceRow& row) {
  const auto& channel = row.device->channel_device;
  return truth_or_none(channel            ? channel->online
                       : row.device->card ? row.device->card->online
                                          : std::nullopt);
}

Value is_configured(const HostDeviceRow& row) {
  return truth_or_none(row.device->card ? row.device->card->configured : std::nullopt);
}

Value is_checkstopped(const HostDeviceRow& row) {
  return truth_or_none(row.device->card ? row.device->card->checkstopped : std::nullopt);
}

constexpr auto host_device_table =
    std::to_array<Column<HostDeviceRow>>(
        {
            {{"address", "ADDRESS", Kind::text, "name of the device on its bus", Facet::parents},
             [](const HostDeviceRow& r) -> Value { return r.device->address; }},
            {{"bus", "BUS", Kind::word, "bus: pci, css, ap or mdev", Facet::parents},
             [](const HostDeviceRow& r) -> Value { return r.device->bus; }},
            {{"driver", "DRIVER", Kind::text, "bound driver", Facet::parents},
             [](const HostDeviceRow& r) -> Value { return text_or_none(r.device->driver); }},
            {{"driver_override", "DRIVER-OVERRIDE", Kind::text, "the only driver that may be bound",
              Facet::parents},
             [](const HostDeviceRow& r) -> Value { return text_or_none(r.device->driver_override); }},
            {{"pci_id", "PCI-ID", Kind::text, "PCI vendor and device", Facet::parents},
             [](const HostDeviceRow& r) -> Value { return text_or_none(r.device->pci_id); }},
            {{"device_number", "DEVICE-NUMBER", Kind::text, "device number of the device behind a subchannel",
              Facet::parents},
             device_number},
            {{"device_type", "DEVICE-TYPE", Kind::text, "type and model of this device, or of a crypto card",
              Facet::parents},
             device_type},
            {{"online", "ONLINE", Kind::truth, "whether this device, or a crypto card, is online",
              Facet::parents},
             is_online},
            {{"configured", "CONFIGURED", Kind::truth, "whether a crypto card is configured", Facet::parents},
             is_configured},
            {{"checkstopped", "CHECKSTOPPED", Kind::truth, "whether a crypto card has failed",
              Facet::parents},
             is_checkstopped},
            {{"owner", "OWNER", Kind::word, "owner of a crypto queue: device, host, free or unknown",
              Facet::parents},
             [](const HostDeviceRow& r) -> Value { return text_or_none(r.queue_owner); }},
            {{"device", "DEVICE", Kind::text, "UUID of the active device that has the queue", Facet::parents},
             [](const HostDeviceRow& r) -> Value { return text_or_none(r.owner_uuid); }},
            {{"iommu_group", "IOMMU-GROUP", Kind::number, "IOMMU group", Facet::parents},
             [](const HostDeviceRow& r) -> Value { return number_or_none(r.device->iommu_group); }},
            {{"virtual_functions", "VIRTUAL-FUNCTIONS", Kind::number, "virtual functions that it supports",
              Facet::parents},
             [](const HostDeviceRow& r) -> Value { return number_or_none(r.device->functions); }},
            {{"enabled", "ENABLED", Kind::number, "virtual functions that are enabled", Facet::parents},
             [](const HostDeviceRow& r) -> Value { return number_or_none(r.device->functions_enabled); }},
            {{"notice", "NOTICE", Kind::sentence, "why it offers no mediated devices", Facet::parents},
             [](const HostDeviceRow& r) -> Value { return text_or_none(r.notice); }},
            {{"hints", "HINTS", Kind::list, "what helps", Facet::parents},
             [](const HostDeviceRow& r) -> Value {
               return Texts{r.hints, join(r.hints, "; ")};
             }},
            {{"path", "PATH", Kind::text, "directory in sysfs", Facet::parents},
             [](const HostDeviceRow& r) -> Value {
               return r.device->path.empty() ? Value() : Value("/" + r.device->path);
             }},
        });

}  // namespace

std::span<const Column<HostDeviceRow>> host_device_columns() {
  return host_device_table;
}

}  // namespace mdevadm::render
