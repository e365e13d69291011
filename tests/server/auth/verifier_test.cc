#include "server/auth/verifier.h"

#include <gtest/gtest.h>

namespace server::auth {
namespace {

// PostgreSQL 15 computed this verifier from "pencil" with the salt of RFC 7677.
constexpr std::string_view kPencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(Verifier, its_text_is_postgresqls) {
  const Verifier made =
      make_verifier(Hash::Sha256, "pencil", *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="));
  EXPECT_EQ(to_text(made), kPencil);
  EXPECT_EQ(parse_verifier(kPencil), made);
}

TEST(Verifier, it_knows_its_password) {
  for (const Hash hash : {Hash::Sha256, Hash::Sha512}) {
    const Verifier verifier = make_verifier(hash, "geheim", "salt of 16 bytes");
    EXPECT_TRUE(matches(verifier, "geheim"));
    EXPECT_FALSE(matches(verifier, "Geheim"));
    EXPECT_FALSE(matches(verifier, ""));
    EXPECT_EQ(parse_verifier(to_text(verifier)), verifier);
  }
}

TEST(Verifier, other_texts_are_passwords) {
  for (const std::string_view text :
       {"", "pencil", "SCRAM-SHA-256", "SCRAM-SHA-1$4096:AAAA$AAAA:AAAA", "md5aabbcc",
        "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$x:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA"})
    EXPECT_FALSE(parse_verifier(text)) << text;
  // Each check of a password against this verifier would take seconds.
  std::string slow(kPencil);
  slow.replace(slow.find("4096"), 4, "9999999");
  EXPECT_FALSE(parse_verifier(slow));
}

TEST(Verifier, passwords_are_prepared) {
  EXPECT_EQ(prepared_password("I\u00ADX"), "IX");  // these examples are from RFC 4013
  EXPECT_EQ(prepared_password("\u00AA"), "a");
  EXPECT_EQ(prepared_password("\u2168"), "IX");
  EXPECT_EQ(prepared_password("plain ascii"), "plain ascii");
  EXPECT_EQ(prepared_password("\xff\xfe"), "\xff\xfe");  // text that is not UTF-8 is unchanged
}

TEST(Base64, takes_nothing_but_itself) {
  for (const std::string_view bytes : {"", "a", "ab", "abc", "abcd"})
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  for (const std::string_view text : {"a", "ab=", "====", "a===", "ab c", "YQ==YQ==", "Y\n=="})
    EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace server::auth
