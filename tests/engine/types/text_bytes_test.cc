#include "engine/types/text_bytes.h"

namespace engine {
namespace {

TEST(TextBytes, base64_comes_back_for_every_length) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    std::string text;
    append_base64(text, bytes);
    EXPECT_EQ(decode_base64(text), bytes);
    bytes += static_cast<char>(i * 37);
  }
}

TEST(TextBytes, base64_is_strict) {
  EXPECT_EQ(decode_base64("YWI="), "ab");
  for (const char* wrong : {"YWI", "YW=I", "Y===", "====", "YWJ=", "YW I", "YWI=YWI=", "YWI\n"})
    EXPECT_FALSE(decode_base64(wrong)) << wrong;
}

TEST(TextBytes, hexadecimal_reads_both_cases) {
  EXPECT_EQ(decode_hex("0aFF"), std::string("\n\xff"));
  EXPECT_FALSE(decode_hex("0"));
  EXPECT_FALSE(decode_hex("0g"));
  std::string text;
  append_hex(text, "\n\xff", HexCase::Upper);
  EXPECT_EQ(text, "0AFF");
}

TEST(TextBytes, utf8_has_one_form_for_each_character) {
  EXPECT_TRUE(is_utf8("abc \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 and more"));
  for (const char* wrong :
       {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"})
    EXPECT_FALSE(is_utf8(std::string("long enough prefix ") + wrong)) << wrong;
}

}  // namespace
}  // namespace engine
