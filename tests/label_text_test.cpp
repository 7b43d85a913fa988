#include "figure/label_text.h"

#include <string>
#include <vector>

#include "catch.h"

using namespace divlens;

TEST_CASE("only byte-level label sets are decoded", "[label]") {
  CHECK(looksByteLevel({"The", "Ġcity", "."}));
  CHECK(looksByteLevel({"x", "Ċ"}));
  CHECK(looksByteLevel({"æĹ¥"}));
  CHECK_FALSE(looksByteLevel({"Subj.", "Attn.", "Last."}));
  CHECK_FALSE(looksByteLevel({"Café", "naïve", "Łódź", "Číslo", "Ångström", "ĉapelo"}));
  CHECK_FALSE(looksByteLevel({"▁word", "日本", "\xff"}));
  CHECK_FALSE(looksByteLevel({}));
}

TEST_CASE("byte-level labels are decoded for display", "[label]") {
  CHECK(displayLabels({"Ġcity", "Ċ", "ĉ", "ĠcafÃ©", "æĹ¥", "æĹ", "ĠæĹ", "ČĊ", "<|eot|>"}) ==
        std::vector<std::string>{"·city", "↵", "⇥", "·café", "日", "\\xE6\\x97", "·\\xE6\\x97", "\\x0C↵", "<|eot|>"});
  CHECK(displayLabel("日", true) == "日");
}

TEST_CASE("other labels keep their characters", "[label]") {
  CHECK(displayLabels({"Café", "Subj.", "▁word", " word", "two words", "attn. q"}) ==
        std::vector<std::string>{"Café", "Subj.", "·word", "·word", "two words", "attn. q"});
  CHECK(displayLabel("العربية", false) == "العربية");
  CHECK(displayLabel("😀", false) == "😀");
}

TEST_CASE("what cannot be seen is shown as an escape", "[label]") {
  CHECK(displayLabel("", false) == "∅");
  CHECK(displayLabel(" ", false) == "·");
  CHECK(displayLabel("a\nb\tc\r", false) == "a↵b⇥c\\r");
  CHECK(displayLabel(std::string("a\0b", 3), false) == "a\\x00b");
  CHECK(displayLabel("a\x1b[31m", false) == "a\\x1B[31m");
  CHECK(displayLabel("a\u200bb\u202ec\ufeff", false) == "a\\u200bb\\u202ec\\ufeff");
  CHECK(displayLabel("a\u00adb", false) == "a\\xADb");
  CHECK(displayLabel("bad \xff\xc3", false) == "bad \\xFF\\xC3");
  // A joiner that makes one picture of several stays.
  CHECK(displayLabel("👩\u200d🚀", false) == "👩\u200d🚀");
}

TEST_CASE("long labels are elided in the middle", "[label]") {
  CHECK(displayLabel("abcdefghij", false, 10) == "abcdefghij");
  CHECK(displayLabel("abcdefghijk", false, 10) == "abcde…hijk");
  CHECK(displayLabel(std::string(10240, 'x'), false).size() == 31 + std::string("…").size());
  CHECK(elideMiddle("日本語日本語", 3) == "日…語");
  // The combining accent does not lose its letter.
  CHECK(elideMiddle("abcde\u0301fghe\u0301", 3) == "a…");
  CHECK(elideMiddle("abc", 1) == "…");
}
