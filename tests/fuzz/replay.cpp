// replay CORPUS [MUTATIONS]: runs each target on the files of its directory below CORPUS, and on MUTATIONS
// (default: 100) inputs derived from each of them, the same ones at each run. Needs no fuzzing engine.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "target.hpp"

namespace {

using mdevadm::fuzz::Target;

const char* target_name = "";
std::string current;

std::vector<Target> all_targets() {
  using namespace mdevadm::fuzz;
  std::vector<Target> all;
  for (const auto& targets : {model_targets(), store_targets(), host_targets(), plan_targets(), run_targets(),
                              command_line_targets()}) {
    all.insert(all.end(), targets.begin(), targets.end());
  }
  return all;
}

// Prints the input that has ended the process, as an argument of printf(1).
void print_input(int signal) {
  std::fprintf(stderr, "target %s, signal %d, input: ", target_name, signal);
  for (const char c : current) {
    std::fprintf(stderr, "\\x%02x", static_cast<unsigned char>(c));
  }
  std::fputc('\n', stderr);
  std::_Exit(1);
}

void run(const Target& target, std::string input) {
  target_name = target.name;
  current = std::move(input);
  target.run(current);
}

std::vector<std::string> inputs_in(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths(std::filesystem::directory_iterator(directory), {});
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// Changes bytes, removes or repeats a part, or joins parts of two inputs.
std::string mutated(const std::string& input, const std::string& other, std::mt19937& random) {
  std::string result = input;
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const std::size_t at = below(result.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(result.size() - at, 32) + 1);
    switch (random() % 5) {
      case 0: result.insert(at, 1, static_cast<char>(random())); break;
      case 1: result.erase(at, length); break;
      case 2: result.insert(at, result.substr(at, length)); break;
      case 3:
        if (at < result.size()) {
          result[at] = static_cast<char>(result[at] ^ (1 << below(8)));
        }
        break;
      default: result = result.substr(0, at) + other.substr(below(other.size() + 1)); break;
    }
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: replay CORPUS [MUTATIONS]\n";
    return 2;
  }
  std::signal(SIGABRT, print_input);
  std::signal(SIGSEGV, print_input);
  const std::filesystem::path corpus = argv[1];
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 100;
  const std::vector<Target> targets = all_targets();
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    if (std::none_of(targets.begin(), targets.end(),
                     [&](const Target& target) { return entry.path().filename() == target.name; })) {
      std::cerr << "no target for " << entry.path() << "\n";
      return 1;
    }
  }
  int number = 0;
  bool complete = true;
  for (const Target& target : targets) {
    const bool exists = std::filesystem::is_directory(corpus / target.name);
    const std::vector<std::string> inputs =
        exists ? inputs_in(corpus / target.name) : std::vector<std::string>{};
    complete = complete && !inputs.empty();
    std::mt19937 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same inputs at each run
    std::size_t runs = 0;
    for (const std::string& input : inputs) {
      run(target, input);
      for (int i = 0; i < mutations; ++i, ++runs) {
        run(target, mutated(input, inputs[random() % inputs.size()], random));
      }
    }
    std::cout << (inputs.empty() ? "not ok " : "ok ") << ++number << " - " << target.name << ": "
              << inputs.size() << " inputs, " << runs << " derived ones\n";
  }
  std::cout << "1.." << number << "\n";
  return complete ? 0 : 1;
}
