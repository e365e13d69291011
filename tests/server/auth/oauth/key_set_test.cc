#include "server/auth/oauth/key_set.h"

#include <gtest/gtest.h>

#include "tests/server/auth/oauth/signer.h"

namespace server::auth::oauth {
namespace {

std::string set_of(std::string_view keys) { return fmt::format(R"({{"keys":[{}]}})", keys); }

TEST(KeySet, keys_of_other_uses_are_skipped) {
  const Signer rsa("RS256", "good"), ec("ES256", "curve"), weak("RS256", "weak", 1024);
  const std::string others =
      R"({"kty":"oct","kid":"secret","k":"c2VjcmV0"},{"kty":"OKP","crv":"Ed25519","x":"AA"},)"
      R"({"kty":"RSA","n":"AQ","e":"AQAB"},{"kty":"RSA"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},)"
      R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"},{},)";
  const auto keys = KeySet::parse(
      set_of(others + rsa.key(R"(,"use":"enc")") + "," + rsa.key(R"(,"key_ops":["sign"])") + "," +
             weak.key() + "," + rsa.key(R"(,"use":"sig","key_ops":["verify"])") + "," + ec.key()));
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->ids(), "good,curve");
}

TEST(KeySet, a_set_without_a_key_is_refused) {
  const Signer weak("RS256", "weak", 1024);
  for (const std::string& text :
       {set_of(""), set_of(weak.key()), set_of(R"({"kty":"oct","k":"c2VjcmV0"})")})
    EXPECT_EQ(KeySet::parse(text).error().message,
              "the key set has no key that can check signatures")
        << text;
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", "<html>", R"({"keys":[],"keys":[]})"})
    EXPECT_EQ(KeySet::parse(text).error().message, "the text is not a JSON Web Key Set") << text;
  EXPECT_FALSE(KeySet::parse(set_of(std::string(2 << 20, ' '))));
  std::string many;
  const Signer signer("ES256", "k");
  for (int i = 0; i < 101; ++i) many += (i > 0 ? "," : "") + signer.key();
  EXPECT_EQ(KeySet::parse(set_of(many)).error().message, "the key set has more than 100 keys");
}

// A public key that is not a point of the curve would make the verification of signatures
// meaningless.
TEST(KeySet, a_point_beside_the_curve_is_no_key) {
  const Signer signer("ES256", "k");
  std::string key = signer.key();
  const size_t at = key.find("\"y\":\"") + 5;
  key[at] = key[at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(KeySet::parse(set_of(key)));
}

}  // namespace
}  // namespace server::auth::oauth
