#include <mdevadm/sys/journal.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include "catch.hpp"

using namespace mdevadm::sys;

TEST_CASE("a journal entry is written as one FIELD=value line per field") {
  CHECK(journal_datagram({{"MESSAGE", "up"}, {"PARENT", "mtty"}}) == "MESSAGE=up\nPARENT=mtty\n");
}

TEST_CASE("a journal field with a newline is written with its length") {
  CHECK(journal_datagram({{"MESSAGE", "a\nb"}, {"PRIORITY", "3"}}) ==
        std::string("MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nPRIORITY=3\n", 31));
}

TEST_CASE("only the stream named by JOURNAL_STREAM leads to the journal") {
  struct stat status {};
  REQUIRE(::fstat(2, &status) == 0);
  const std::string own = fmt::format("{}:{}", status.st_dev, status.st_ino);
  CHECK(leads_to_journal(2, own.c_str()));
  CHECK_FALSE(leads_to_journal(2, "1:2"));
  CHECK_FALSE(leads_to_journal(2, nullptr));
  CHECK_FALSE(leads_to_journal(-1, own.c_str()));
}
