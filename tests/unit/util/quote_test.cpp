#include <mdevadm/util/quote.hpp>
#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("quote_word and quote_path quote like mdevctl and differ only for the apostrophe") {
  using namespace std::string_view_literals;
  constexpr std::string_view odd = "a\n\r\tb\"c\\d\0\x01\x7f\u00fc\U0001f600"sv;
  constexpr std::string_view shown = R"("a\n\r\tb\"c\\d\0\u{1}\u{7f}ü😀")";
  CHECK(quote_word(odd) == shown);
  CHECK(quote_path(odd) == shown);
  CHECK(quote_word("it's") == R"("it's")");
  CHECK(quote_path("it's") == R"("it\'s")");
}

TEST_CASE("quote_word escapes control and invisible characters as code points") {
  CHECK(quote_word("\u009b31m") == R"("\u{9b}31m")");
  CHECK(quote_word("a\u0085\u200b\u202e\ufeff\ue000z") == R"("a\u{85}\u{200b}\u{202e}\u{feff}\u{e000}z")");
  CHECK(quote_word("\u00a0\u2030\u2070") == "\"\u00a0\u2030\u2070\"");
}

TEST_CASE("quote_path escapes invalid UTF-8 as bytes") {
  CHECK(quote_path("a\xff\xc3") == R"("a\xFF\xC3")");
  CHECK(quote_path("\xe2\x82z\xc3\xbc") == "\"\\xE2\\x82z\u00fc\"");
}
