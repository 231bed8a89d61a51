#include <mdevadm/util/quote.hpp>
#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("words and paths are quoted as mdevctl 1.4.0 does, in one character differently") {
  using namespace std::string_view_literals;
  constexpr std::string_view odd = "a\n\r\tb\"c\\d\0\x01\x7f\u00fc\U0001f600"sv;
  constexpr std::string_view shown = R"("a\n\r\tb\"c\\d\0\u{1}\u{7f}ü😀")";
  CHECK(quote_word(odd) == shown);
  CHECK(quote_path(odd) == shown);
  CHECK(quote_word("it's") == R"("it's")");
  CHECK(quote_path("it's") == R"("it\'s")");
}

TEST_CASE("bytes that are no characters are quoted as numbers") {
  CHECK(quote_path("a\xff\xc3") == R"("a\xFF\xC3")");
  CHECK(quote_path("\xe2\x82z\xc3\xbc") == "\"\\xE2\\x82z\u00fc\"");
}
