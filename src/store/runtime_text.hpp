// The texts of files below /run/mdevadm: runtime records, claims, autostart results and results of probes,
// and the preparation of parents. Pure functions; no user writes these files. Internal header.
#pragma once

#include <mdevadm/model/boot.hpp>
#include <mdevadm/model/claim.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/probe.hpp>
#include <mdevadm/model/record.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm::store {

// Return nullopt for an unreadable text, which is treated as missing.
std::optional<Record> parse_record(std::string_view text, const Uuid& uuid);
std::optional<FunctionRefusal> parse_refusal(std::string_view text, const std::string& vf);
std::optional<BootEvent> parse_boot_event(std::string_view text, const Uuid& uuid, const ParentName& parent);

// An unreadable claim has a problem.
Claim parse_claim(std::string_view text, const Uuid& uuid);

// Return what is readable.
ProbeResults parse_probes(std::string_view text);
Preparation parse_preparation(std::string_view text, const ParentName& parent);

std::string format_record(const Record& record);
std::string format_refusal(const FunctionRefusal& refusal);
std::string format_boot_event(const BootEvent& event);
std::string format_claim(const Claim& claim);
std::string format_probes(const ProbeResults& results);
std::string format_preparation(const Preparation& done);

}  // namespace mdevadm::store
