// Tests tokens: the examples of RFC 7515, and tokens of attackers.
#include "server/auth/oauth/token.h"

#include <gtest/gtest.h>
#include "server/auth/oauth/base64url.h"

#include "tests/server/auth/oauth/signer.h"

namespace server::auth::oauth {
namespace {

constexpr int64_t kNowS = 1'900'000'000;
constexpr std::string_view kClaims =
    R"({"iss":"https://issuer","aud":"kafka","sub":"ann","exp":1900000600,"iat":1900000000})";

const Signer& rsa() {
  static const Signer signer("RS256", "key-1");
  return signer;
}

class TokenTest : public testing::Test {
 protected:
  Verdict check(std::string_view token, int64_t now_s = kNowS) const {
    return check_token(token, rules_, &keys_, now_s * 1000);
  }
  std::string refusal(std::string_view token, int64_t now_s = kNowS) const {
    const Verdict verdict = check(token, now_s);
    EXPECT_FALSE(verdict.grant) << token;
    return verdict.grant ? "" : verdict.grant.error().message;
  }
  // Returns the refusal of a token with these claims, which has a valid signature.
  std::string refusal_of_claims(std::string_view claims) const {
    return refusal(rsa().token(claims));
  }
  void expect_refused(std::string_view token, std::string_view why) const {
    EXPECT_NE(refusal(token).find(why), std::string::npos) << refusal(token);
  }

  TokenRules rules_{.audiences = {"kafka"}, .issuer = "https://issuer"};
  KeySet keys_ = KeySet::parse(rsa().key_set()).value();
};

TEST_F(TokenTest, a_valid_token_names_the_user_and_its_expiry) {
  const Verdict verdict = check(rsa().token(kClaims));
  ASSERT_TRUE(verdict.grant) << verdict.grant.error().message;
  EXPECT_EQ(verdict.grant->user, "ann");
  EXPECT_EQ(verdict.grant->expires_ms, 1'900'000'600'000);
}

// Tests the examples of RFC 7515, appendices A.1 to A.3. Their claims are the same, and have no subject.
class ExampleTest : public testing::Test {
 protected:
  static constexpr int64_t kExpiryS = 1'300'819'380;
  static constexpr std::string_view kExampleClaims =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ";
  static std::string token(std::string_view header, std::string_view signature) {
    return fmt::format("{}.{}.{}", header, kExampleClaims, signature);
  }
  void expect_valid(const std::string& token, const KeySet* keys) const {
    const Verdict verdict = check_token(token, rules_, keys, (kExpiryS - 1) * 1000);
    ASSERT_TRUE(verdict.grant) << verdict.grant.error().message;
    EXPECT_EQ(verdict.grant->user, "joe");
    EXPECT_FALSE(check_token(token, rules_, keys, kExpiryS * 1000).grant);
  }
  TokenRules rules_{.clock_skew_s = 0, .user_claim = "iss"};
};

TEST_F(ExampleTest, hs256) {
  rules_.secret = from_base64url(
                      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjA"
                      "zZr1Z9CAow")
                      .value();
  expect_valid(token("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
                     "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
               nullptr);
}

TEST_F(ExampleTest, rs256) {
  const auto keys = KeySet::parse(
      R"({"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx)"
      "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo"
      "9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4u"
      "DZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb5"
      R"(4h4FRWyuXpoQ","e":"AQAB"}]})");
  ASSERT_TRUE(keys);
  expect_valid(
      token("eyJhbGciOiJSUzI1NiJ9",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_"
            "lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO7"
            "5vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOk"
            "HWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy"
            "wlVmtVrBp0igcN_IoypGlUPQGe77Rw"),
      &*keys);
}

TEST_F(ExampleTest, es256) {
  const auto keys = KeySet::parse(R"({"keys":[{"kty":"EC","crv":"P-256",)"
                                  R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                                  R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  ASSERT_TRUE(keys);
  expect_valid(
      token("eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3"
            "-Kg6NU1Q"),
      &*keys);
}

// Tests the example of RFC 7515, appendix A.4, whose payload is not JSON.
TEST_F(ExampleTest, es512) {
  const auto keys = KeySet::parse(
      R"({"keys":[{"kty":"EC","crv":"P-521","kid":"4",)"
      R"("x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQ)"
      R"(Gk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e)"
      R"(3kyMj2"}]})");
  ASSERT_TRUE(keys);
  const auto signature = from_base64url(
      "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_"
      "7XdtAG8Ga"
      "SwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn");
  const Algorithm& es512 = *find_algorithm("ES512");
  using enum KeySet::Verdict;
  const std::string text = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA";
  EXPECT_EQ(keys->check(es512, "4", text, *signature), Valid);
  EXPECT_EQ(keys->check(es512, "", text, *signature), Valid);
  EXPECT_EQ(keys->check(es512, "4", text + "x", *signature), Wrong);
  EXPECT_EQ(keys->check(es512, "5", text, *signature), NoKey);
  EXPECT_EQ(keys->check(*find_algorithm("ES256"), "4", text, *signature), Misfit);
}

TEST_F(TokenTest, each_algorithm_is_checked) {
  for (const char* name :
       {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}) {
    const Signer signer(name, "other");
    keys_ = KeySet::parse(signer.key_set()).value();
    std::string token = signer.token(kClaims);
    EXPECT_TRUE(check(token).grant) << name;
    // the other text has claims that were not signed
    const std::string other =
        unsigned_token(fmt::format(R"({{"alg":"{}","kid":"other"}})", name),
                       R"({"iss":"https://issuer","aud":"kafka","sub":"root","exp":1900000600})");
    expect_refused(other + token.substr(token.rfind('.')), "signature of the token is wrong");
    token[token.size() - 20] = token[token.size() - 20] == 'A' ? 'B' : 'A';
    expect_refused(token, "signature of the token is wrong");
  }
}

TEST_F(TokenTest, a_token_without_a_signature_is_refused) {
  for (const char* alg : {"none", "None", "NONE", "nOnE", ""}) {
    const std::string text = unsigned_token(fmt::format(R"({{"alg":"{}"}})", alg), kClaims);
    expect_refused(text + ".", "algorithm of the token");
    expect_refused(text, "three parts");
  }
  expect_refused(unsigned_token(R"({"typ":"JWT"})", kClaims) + ".", "algorithm of the token");
  expect_refused(unsigned_token(R"({"alg":["RS256"]})", kClaims) + ".", "algorithm of the token");
  expect_refused(unsigned_token(R"({"alg":"RS256","kid":"key-1"})", kClaims) + ".", "signature");
}

// The public key is known to all, so it must not become the secret of HS256 (RFC 8725, section 2.1).
TEST_F(TokenTest, a_public_key_is_no_secret) {
  const std::string forged =
      token_with_secret(rsa().key(), kClaims, R"({"alg":"HS256","kid":"key-1"})");
  expect_refused(forged, "the server has none");
  rules_.secret = std::string(32, 's');
  expect_refused(forged, "signature of the token is wrong");
  EXPECT_TRUE(check(token_with_secret(rules_.secret, kClaims)).grant);
  EXPECT_TRUE(check(rsa().token(kClaims)).grant) << "both kinds are valid side by side";
  rules_.secret = "short";
  expect_refused(token_with_secret("short", kClaims), "signature of the token is wrong");
}

TEST_F(TokenTest, a_key_is_used_with_its_own_algorithms_only) {
  const Signer ec("ES256", "key-1");
  expect_refused(ec.token(kClaims), "not for its algorithm");
  keys_ = KeySet::parse(fmt::format(R"({{"keys":[{}]}})", rsa().key(R"(,"alg":"PS256")"))).value();
  expect_refused(rsa().token(kClaims), "not for its algorithm");
  const Signer large("ES384", "key-1");
  keys_ = KeySet::parse(large.key_set()).value();
  expect_refused(ec.token(kClaims), "not for its algorithm");
}

TEST_F(TokenTest, a_token_of_an_unknown_key_asks_for_the_keys_again) {
  const Signer other("RS256", "key-2");
  Verdict verdict = check(other.token(kClaims));
  EXPECT_TRUE(verdict.lacks_key);
  EXPECT_EQ(verdict.grant.error().message, "the issuer has no key for the token (kid)");
  verdict = check_token(rsa().token(kClaims), rules_, nullptr, kNowS * 1000);
  EXPECT_TRUE(verdict.lacks_key);
  EXPECT_NE(verdict.grant.error().message.find("try again later"), std::string::npos);
  // An expired token stays invalid with any key, so no key is fetched for it.
  EXPECT_FALSE(check(other.token(R"({"sub":"ann","exp":1})")).lacks_key);
  EXPECT_FALSE(check(rsa().token(R"({"alg":"RS256","kid":""})", kClaims)).grant);
}

TEST_F(TokenTest, without_a_key_id_each_key_is_tried) {
  const Signer first("RS256", "a"), second("RS256", "b"), third("ES256", "c");
  keys_ =
      KeySet::parse(fmt::format(R"({{"keys":[{},{},{}]}})", first.key(), third.key(), second.key()))
          .value();
  EXPECT_TRUE(check(second.token(R"({"alg":"RS256"})", kClaims)).grant);
  EXPECT_TRUE(check(third.token(R"({"alg":"ES256"})", kClaims)).grant);
  expect_refused(rsa().token(R"({"alg":"RS256"})", kClaims), "signature of the token is wrong");
}

TEST_F(TokenTest, malformed_tokens_are_refused) {
  const std::string valid = rsa().token(kClaims);
  expect_refused("", "three parts");
  expect_refused("..", "header fields of the token are not");
  expect_refused(valid + ".", "three parts");
  expect_refused(valid + "=", "signature of the token is not base64url");
  expect_refused(valid + "\n", "signature of the token is not base64url");
  expect_refused("*" + valid, "not base64url");
  expect_refused("e" + valid, "header fields of the token are not");
  expect_refused(std::string(1'000'000, 'a'), "longer than 32768 bytes");
  expect_refused(base64url("[]") + ".e30.AA", "not a flat JSON object");
  expect_refused(base64url("\"RS256\"") + ".e30.AA", "not a flat JSON object");
  expect_refused(base64url("{\"alg\":\"RS256\xff\"}") + ".e30.AA", "not a flat JSON object");
  expect_refused(rsa().token(R"({"alg":"RS256","crit":["exp"],"exp":1})", kClaims), "crit");
}

TEST_F(TokenTest, two_members_of_the_same_name_are_refused) {
  expect_refused(rsa().token(R"({"alg":"none","alg":"RS256","kid":"key-1"})", kClaims),
                 "different names");
  EXPECT_NE(refusal_of_claims(R"({"iss":"https://issuer","aud":"kafka","sub":"ann","sub":"root",)"
                              R"("exp":1900000600})")
                .find("different names"),
            std::string::npos);
  EXPECT_NE(refusal_of_claims(R"({"iss":"https://issuer","aud":"kafka","sub":"ann",)"
                              R"("exp":1,"exp":1900000600})")
                .find("different names"),
            std::string::npos);
}

TEST_F(TokenTest, deeply_nested_json_is_refused) {
  const std::string deep = std::string(5'000, '[') + std::string(5'000, ']');
  expect_refused(rsa().token(R"({"alg":"RS256","x":)" + deep + "}", kClaims), "flat JSON object");
  expect_refused(rsa().token(R"({"sub":"ann","exp":1900000600,"x":)" + deep + "}"),
                 "flat JSON object");
  std::string objects;
  for (int i = 0; i < 2'000; ++i) objects += R"({"a":)";
  expect_refused(rsa().token(objects + "1" + std::string(2'000, '}')), "flat JSON object");
  EXPECT_FALSE(KeySet::parse(R"({"keys":)" + deep + "}"));
}

TEST_F(TokenTest, times_count_with_the_skew) {
  const std::string token = rsa().token(kClaims);
  EXPECT_TRUE(check(token, kNowS + 629).grant);
  EXPECT_EQ(check(token, kNowS + 629).grant->expires_ms, (kNowS + 630) * 1000)
      << "the session of a token that the skew admits ends with the skew";
  EXPECT_EQ(refusal(token, kNowS + 630), "the token expired 30 seconds ago (exp)");
  EXPECT_TRUE(check(token, kNowS - 30).grant);
  EXPECT_EQ(refusal(token, kNowS - 31), "the token was issued in the future, in 31 seconds (iat)");
  rules_.clock_skew_s = 0;
  EXPECT_TRUE(check(token, kNowS + 599).grant);
  EXPECT_FALSE(check(token, kNowS + 600).grant);
  rules_ = {};
  EXPECT_EQ(refusal_of_claims(R"({"sub":"ann","exp":1900000600,"nbf":1900000031})"),
            "the token is valid only in 31 seconds (nbf)");
  EXPECT_TRUE(check(rsa().token(R"({"sub":"ann","exp":1900000600.75,"nbf":1900000030})")).grant);
  EXPECT_EQ(refusal_of_claims(R"({"sub":"ann"})"), "the token has no expiry (exp)");
  for (const char* date : {"\"1900000600\"", "null", "true", "-1", "1e300", "[1900000600]", "{}"})
    EXPECT_EQ(refusal_of_claims(fmt::format(R"({{"sub":"ann","exp":{}}})", date)),
              "the claim exp of the token is not a date")
        << date;
  EXPECT_EQ(refusal_of_claims(R"({"sub":"ann","exp":1900000600,"nbf":"soon"})"),
            "the claim nbf of the token is not a date");
}

TEST_F(TokenTest, the_issuer_and_the_audience_are_checked) {
  const auto with = [](std::string_view claims) {
    return fmt::format(R"({{"sub":"ann","exp":1900000600{}}})", claims);
  };
  EXPECT_EQ(refusal_of_claims(with("")), "the issuer of the token (iss) is not \"https://issuer\"");
  EXPECT_NE(refusal_of_claims(with(R"(,"iss":"https://issuer/","aud":"kafka")")), "");
  EXPECT_NE(refusal_of_claims(with(R"(,"iss":["https://issuer"],"aud":"kafka")")), "");
  const std::string no_audience = "the audience of the token (aud) does not contain \"kafka\"";
  EXPECT_EQ(refusal_of_claims(with(R"(,"iss":"https://issuer")")), no_audience);
  EXPECT_EQ(refusal_of_claims(with(R"(,"iss":"https://issuer","aud":"web")")), no_audience);
  EXPECT_EQ(refusal_of_claims(with(R"(,"iss":"https://issuer","aud":["web",1,null,["kafka"]])")),
            no_audience);
  EXPECT_TRUE(check(rsa().token(with(R"(,"iss":"https://issuer","aud":["web","kafka"])"))).grant);
  rules_ = {};
  EXPECT_TRUE(check(rsa().token(with(""))).grant) << "neither is required";
}

TEST_F(TokenTest, the_user_is_a_printable_name) {
  rules_ = {};
  const auto with = [](std::string_view claims) {
    return fmt::format(R"({{"exp":1900000600{}}})", claims);
  };
  EXPECT_EQ(refusal_of_claims(with("")), "the claim sub of the token is not the name of a user");
  for (const char* sub : {"\"\"", "1", "null", "[\"ann\"]", "\"a\\nb\"", "\"a\\u0000b\""})
    EXPECT_NE(refusal_of_claims(with(fmt::format(R"(,"sub":{})", sub))), "") << sub;
  EXPECT_NE(refusal_of_claims(with(fmt::format(R"(,"sub":"{}")", std::string(256, 'a')))), "");
  EXPECT_EQ(check(rsa().token(with(R"(,"sub":"J\u00fcrgen@example.org")"))).grant->user,
            "J\xc3\xbcrgen@example.org");
  rules_.user_claim = "azp";
  EXPECT_EQ(check(rsa().token(with(R"(,"sub":"1234","azp":"loader")"))).grant->user, "loader");
}

TEST_F(TokenTest, no_error_has_a_part_of_the_token) {
  rules_.user_claim = "user";
  for (const std::string& token :
       {rsa().token(R"({"alg":"geheim"})", "{}"), rsa().token(R"({"sub":"geheim"})"),
        rsa().token(R"({"exp":"geheim"})"), rsa().token(R"({"exp":1900000600,"iss":"geheim"})"),
        rsa().token(R"({"exp":1900000600,"iss":"https://issuer","aud":"geheim"})"),
        rsa().token(R"({"exp":1900000600,"iss":"https://issuer","aud":"kafka","user":"geheim\n"})"),
        rsa().token(R"({"alg":"RS256","kid":"geheim"})", "{}"), std::string("geheim")})
    EXPECT_EQ(refusal(token).find("geheim"), std::string::npos) << refusal(token);
}

TEST(Base64Url, has_one_text_for_each_value) {
  EXPECT_EQ(from_base64url("").value(), "");
  EXPECT_EQ(from_base64url("Zg").value(), "f");
  EXPECT_EQ(from_base64url("Zm9vYmE").value(), "fooba");
  EXPECT_EQ(from_base64url("-_8").value(), "\xfb\xff");
  for (const char* text : {"Z", "Zg==", "Zh", "Zm9vYmF", "+/8", "Zg ", "Zm9v\n", "Zm9v.Zm9v"})
    EXPECT_FALSE(from_base64url(text)) << text;
}

}  // namespace
}  // namespace server::auth::oauth
