#include <mdevadm/util/text.hpp>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("trim takes blanks and line ends off both sides") {
  CHECK(trim("  a b \r\n") == "a b");
  CHECK(trim(" \n\t").empty());
  CHECK(trim("").empty());
}

TEST_CASE("split keeps empty fields") {
  CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string_view>{""});
  CHECK(split("a,", ',') == std::vector<std::string_view>{"a", ""});
}

TEST_CASE("printable shows control bytes and broken UTF-8 and leaves the rest") {
  CHECK(printable("a\x1b[31m\n") == "a\\x1b[31m\\x0a");
  CHECK(printable("Größe") == "Größe");
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("UTF-8 has one form of each character, and no halves") {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    CHECK(is_utf8(good));
  }
  for (const char* bad : {"\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xffz"}) {
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("only a whole number is a decimal") {
  CHECK(parse_decimal("18446744073709551615") == UINT64_MAX);
  CHECK_FALSE(parse_decimal("18446744073709551616"));
  CHECK_FALSE(parse_decimal(""));
  CHECK_FALSE(parse_decimal("-1"));
  CHECK_FALSE(parse_decimal("1 "));
  CHECK_FALSE(parse_decimal("0x10"));
}

TEST_CASE("the closest candidate is one that differs in case or little") {
  const std::vector<std::string> candidates{"start", "stop", "0000:2b:00.0"};
  CHECK(closest("stat", candidates) == "start");
  CHECK(closest("0000:2B:00.0", candidates) == "0000:2b:00.0");
  CHECK_FALSE(closest("frobnicate", candidates));
  CHECK(did_you_mean("sotp", candidates) == "did you mean 'stop'?");
  CHECK(did_you_mean("frobnicate", candidates).empty());
}

TEST_CASE("numbers in names sort as numbers") {
  CHECK(natural_less("nvidia-36", "nvidia-155"));
  CHECK_FALSE(natural_less("nvidia-155", "nvidia-36"));
}
