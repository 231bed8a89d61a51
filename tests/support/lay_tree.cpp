// lay_tree FILE DIR: extracts a captured host (tests/trees/README.md) into a directory.
#include <cstdio>
#include <exception>

#include "tree.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: lay_tree FILE DIR\n", stderr);
    return 2;
  }
  try {
    mdevadm::test::lay_tree(mdevadm::test::read_text(argv[1]), argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lay_tree: %s\n", error.what());
    return 1;
  }
  return 0;
}
