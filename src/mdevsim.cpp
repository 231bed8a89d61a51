#include "sim/commands.hpp"

int main(int argc, char** argv) {
  return mdevadm::sim::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
