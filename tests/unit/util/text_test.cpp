#include <mdevadm/util/text.hpp>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("trim removes spaces and line ends on both sides") {
  CHECK(trim("  a b \r\n") == "a b");
  CHECK(trim(" \n\t").empty());
  CHECK(trim("").empty());
}

TEST_CASE("split preserves empty fields") {
  CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string_view>{""});
  CHECK(split("a,", ',') == std::vector<std::string_view>{"a", ""});
}

TEST_CASE("printable escapes control characters and invalid UTF-8 and preserves other text") {
  CHECK(printable("a\x1b[31m\n") == "a\\x1b[31m\\x0a");
  CHECK(printable("Größe") == "Größe");
  // C1 control characters, of which U+009B begins a sequence as ESC [ does, and marks that reverse text.
  CHECK(printable("a\xc2\x9b"
                  "2J") == "a\\xc2\\x9b2J");
  CHECK(printable("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8") == "\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x80\\xa8");
  CHECK(printable("\xc2\xa0\xe2\x80\xa6\xe2\x80\x93") == "\xc2\xa0\xe2\x80\xa6\xe2\x80\x93");
  CHECK(
      has_control_bytes("a\xc2\x9b"
                        "b"));
  CHECK_FALSE(
      has_control_bytes("Gr\xc3\xb6\xc3\x9f"
                        "e \xe2\x80\xa6"));
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("is_utf8 rejects overlong and truncated and surrogate encodings") {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    CHECK(is_utf8(good));
  }
  for (const char* bad : {"\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xffz"}) {
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("parse_decimal accepts only whole unsigned 64-bit numbers") {
  CHECK(parse_decimal("18446744073709551615") == UINT64_MAX);
  CHECK_FALSE(parse_decimal("18446744073709551616"));
  CHECK_FALSE(parse_decimal(""));
  CHECK_FALSE(parse_decimal("-1"));
  CHECK_FALSE(parse_decimal("1 "));
  CHECK_FALSE(parse_decimal("0x10"));
}

TEST_CASE("closest returns a candidate that differs in case or by a small edit distance") {
  const std::vector<std::string> candidates{"start", "stop", "0000:2b:00.0"};
  CHECK(closest("stat", candidates) == "start");
  CHECK(closest("0000:2B:00.0", candidates) == "0000:2b:00.0");
  CHECK_FALSE(closest("frobnicate", candidates));
  CHECK(did_you_mean("sotp", candidates) == "did you mean 'stop'?");
  CHECK(did_you_mean("frobnicate", candidates).empty());
  const std::vector<std::string> others{"list", "detach", "--live", "--boot", "undefine"};
  CHECK(closest("udnefien", others) == "undefine");
  for (const char* word : {"test", "detail", "--file", "--sort", "setup", "-"}) {
    CAPTURE(word);
    CHECK_FALSE(closest(word, others));
    CHECK_FALSE(closest(word, candidates));
  }
}

TEST_CASE("natural_less compares numbers in names by value") {
  CHECK(natural_less("nvidia-36", "nvidia-155"));
  CHECK_FALSE(natural_less("nvidia-155", "nvidia-36"));
}

TEST_CASE("in_ascii replaces the marks of tables, and nothing else") {
  CHECK(in_ascii("a…\n├─b\n│ └─c") == "a~\n|-b\n| `-c");
  CHECK(in_ascii("äöü €") == "äöü €");
  CHECK(in_ascii("").empty());
}

TEST_CASE("shortened cuts a long text at a character and marks the cut") {
  CHECK(shortened("", 1).empty());
  CHECK(shortened("abc", 3) == "abc");
  CHECK(shortened("abcd", 3) == "ab…");
  CHECK(shortened("äöü", 3) == "äöü");
  CHECK(shortened("äöüß", 3) == "äö…");
  CHECK(shortened("ab", 1) == "…");
}

TEST_CASE("a time has its milliseconds, also before 1970") {
  using Time = std::chrono::system_clock::time_point;
  CHECK(timestamp(Time(std::chrono::milliseconds(1234))) == "1970-01-01T00:00:01.234Z");
  CHECK(timestamp(Time(std::chrono::milliseconds(-711))) == "1969-12-31T23:59:59.289Z");
  CHECK(timestamp(Time(std::chrono::seconds(-1))) == "1969-12-31T23:59:59.000Z");
}
