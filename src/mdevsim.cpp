#include <string_view>

#include "sim/commands.hpp"

int main(int argc, char** argv) {
  const std::string_view path = argc > 0 ? argv[0] : "mdevsim";
  return mdevadm::sim::run(path.substr(path.rfind('/') + 1),
                           std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
