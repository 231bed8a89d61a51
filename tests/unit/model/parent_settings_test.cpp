#include <mdevadm/model/parent_settings.hpp>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("the number of virtual functions is all, or at least 1") {
  CHECK(FunctionGoal::parse("all") == FunctionGoal{});
  CHECK(FunctionGoal::parse("16") == FunctionGoal{16});
  for (const char* word : {"", "0", "-1", "ALL", "1.5", "16 ", "99999999999999999999999"}) {
    INFO(word);
    CHECK(!FunctionGoal::parse(word));
  }
}

TEST_CASE("a command is split into words as by a shell, without expansion") {
  CHECK(split_command("nvidia-smi  vgpu -i 0\t-shm 1") ==
        Words{"nvidia-smi", "vgpu", "-i", "0", "-shm", "1"});
  CHECK(split_command(R"(sh -c 'echo "$A"; exit 1' "a 'b' \"c\"" d\ e)") ==
        Words{"sh", "-c", "echo \"$A\"; exit 1", "a 'b' \"c\"", "d e"});
  CHECK(split_command("a '' \"\"") == Words{"a", "", ""});
  CHECK(split_command(R"("\n" '\n' \n)") == Words{"\\n", "\\n", "n"});
  CHECK(split_command("  ") == Words{});
  CHECK(!split_command("sh -c 'echo"));
  CHECK(!split_command("\"a"));
}

TEST_CASE("the words of a command as one line are split into the same words") {
  const Words words{"sh", "-c", "echo 'a b'; exit", "", "x\\y"};
  CHECK(split_command(command_line(words)) == words);
}
