// Spellings of device names: other tools print the same address in other forms than the kernel does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Returns the kernel's name of the device that `word` spells:
//   86:00.0, 86:0.0 (lspci -s), 00000000:86:00.0 (nvidia-smi), PCI addresses in upper case, pci_0000_86_00_0
//   (libvirt), pci@0000:86:00.0 (lshw), pci-0000:86:00.0 (ID_PATH of udev)
//       -> 0000:86:00.0, the format of pci_name() in the kernel
//   css_0_0_0313, ccw_0_0_1a2b (libvirt), 0.0.1A2B -> 0.0.0313, 0.0.1a2b
//   ap_matrix (libvirt) -> matrix
//   mdev_aaaaaaaa_0000_4000_8000_000000000001_0000_86_00_0 (libvirt), also without the parent -> the UUID
//   /sys/bus/pci/devices/0000:86:00.0 and other paths in sysfs -> the last component
// Returns every other word as it is.
std::string kernel_spelling(std::string_view word);

// Returns the name of a parent in libvirt: pci_0000_86_00_0, css_0_0_0313, ap_matrix, and for devices of
// other subsystems the name of the subsystem and the device: mtty_mtty. `path`: of the parent in sysfs, if it
// is known, which has the subsystem.
std::string libvirt_name(std::string_view parent, std::string_view path);

// Returns a name with the characters that libvirt accepts in names of node devices; it replaces others by
// "_".
std::string libvirt_spelling(std::string name);

// Returns whether the word, in the kernel's spelling, is a PCI address.
bool is_pci_address(std::string_view word);

// Returns the PCI addresses that a word with wrong separators, or numbers in another order, can mean:
// 0000:3b.00.0, 0000:3b:00:0, 00:3b:0000.4. Empty: the word is a PCI address, or has another form.
std::vector<std::string> possible_pci_addresses(std::string_view word);

// Returns whether the word has the form of a subchannel or device number on IBM Z, as the kernel spells it:
// 0.0.0313.
bool is_channel_address(std::string_view word);

// Returns whether the word has the form of a crypto queue (05.0014) or card (card05), as the kernel spells
// it.
bool is_crypto_address(std::string_view word);

// Returns the address if the word is one in any letter case, or its last part (0313): it does not say whether
// a subchannel is meant (css_0_0_0313, a path in sysfs) or a channel device (ccw_0_0_2b09).
std::optional<std::string> bare_channel_address(std::string_view word);

// Returns the number that is a short form of one on IBM Z: 313, 0x0313, 0.0.313 -> 0.0.0313. Other words,
// such as those with too many digits, return nullopt.
std::optional<std::string> full_channel_address(std::string_view word);

// Returns the names in the kernel's spelling that a word may mean, without the word itself: 0.0.0313 for
// css_0_0_0313, 313 and 0.0.313; 0000:00:02.0 for 00:02.0.
std::vector<std::string> other_spellings(std::string_view word);

}  // namespace mdevadm
