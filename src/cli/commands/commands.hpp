// Factory functions of all commands, each defined in the file named after it, those of groups and
// parents in group_*.cpp and parent_*.cpp.
#pragma once

#include <memory>

#include "../command.hpp"

namespace mdevadm::cli {

std::unique_ptr<Command> make_types();
std::unique_ptr<Command> make_list();
std::unique_ptr<Command> make_show();
std::unique_ptr<Command> make_define();
std::unique_ptr<Command> make_modify();
std::unique_ptr<Command> make_undefine();
std::unique_ptr<Command> make_start();
std::unique_ptr<Command> make_stop();
std::unique_ptr<Command> make_restart();
std::unique_ptr<Command> make_status();
std::unique_ptr<Command> make_check();
std::unique_ptr<Command> make_monitor();
std::unique_ptr<Command> make_import_mdevctl();
std::unique_ptr<Command> make_import_nodedev();
std::unique_ptr<Command> make_import_vgpus();
std::unique_ptr<Command> make_export_mdevctl();
std::unique_ptr<Command> make_export_qemu();
std::unique_ptr<Command> make_export_libvirt();
std::unique_ptr<Command> make_export_nodedev();
std::unique_ptr<Command> make_export_dot();
std::unique_ptr<Command> make_export_metrics();
std::unique_ptr<Command> make_apply();
std::unique_ptr<Command> make_diff();
std::unique_ptr<Command> make_export_host();
std::unique_ptr<Command> make_claim();
std::unique_ptr<Command> make_release();
std::unique_ptr<Command> make_attach();
std::unique_ptr<Command> make_detach();
std::unique_ptr<Command> make_parent_set();
std::unique_ptr<Command> make_parent_show();
std::unique_ptr<Command> make_parent_list();
std::unique_ptr<Command> make_parent_prepare();
std::unique_ptr<Command> make_probe();
std::unique_ptr<Command> make_parent_unset();
std::unique_ptr<Command> make_group_create();
std::unique_ptr<Command> make_group_modify();
std::unique_ptr<Command> make_group_delete();
std::unique_ptr<Command> make_group_add();
std::unique_ptr<Command> make_group_remove();
std::unique_ptr<Command> make_group_rename();
std::unique_ptr<Command> make_group_list();
std::unique_ptr<Command> make_group_show();
std::unique_ptr<Command> make_group_start();
std::unique_ptr<Command> make_group_stop();

}  // namespace mdevadm::cli
