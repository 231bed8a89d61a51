// The makers of all commands; each stands in the file of its name.
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

}  // namespace mdevadm::cli
