#include "server/auth/oauth/bearer_message.h"

#include <gtest/gtest.h>

namespace server::auth::oauth {
namespace {

// Replaces | by the separator.
Result<BearerMessage> parse(std::string text) {
  for (char& c : text) c = c == '|' ? '\x01' : c;
  return parse_bearer_message(text);
}

TEST(BearerMessage, a_message_has_a_token) {
  const auto message = parse("n,,|auth=Bearer a.b-c_d.e||");
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(message->token, "a.b-c_d.e");
  EXPECT_EQ(message->authorization_id, "");
  EXPECT_EQ(parse("n,,|auth=bearer   a||")->token, "a");
}

// The example of RFC 7628, section 4.1, and Kafka's extensions.
TEST(BearerMessage, other_pairs_are_ignored) {
  const auto message = parse(
      "n,a=user=2C=3D@example.com,|host=server.example.com|port=143|auth=Bearer "
      "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==|logicalCluster=lkc-1 x||");
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(message->authorization_id, "user,=@example.com");
  EXPECT_EQ(message->token, "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
}

TEST(BearerMessage, malformed_messages_are_refused) {
  for (const char* text : {"",
                           "|",
                           "n,,",
                           "n,,|",
                           "n,,||",
                           "n,,|auth=Bearer a|",
                           "n,,|auth=Bearer a",
                           "n,|auth=Bearer a||",
                           "y,,|auth=Bearer a||",
                           "p=tls-unique,,|auth=Bearer a||",
                           "n,a=,|auth=Bearer a||",
                           "n,a=x=2D,|auth=Bearer a||",
                           "n,b=x,|auth=Bearer a||",
                           "n,a=x,b=y,|auth=Bearer a||",
                           "n,,|auth=Bearer ||",
                           "n,,|auth=Bearer||",
                           "n,,|auth=Basic a||",
                           "n,,|auth=||",
                           "n,,|auth=Bearer a|auth=Bearer b||",
                           "n,,|auth=Bearer a||x",
                           "n,,|auth=Bearer a|||",
                           "n,,|=x|auth=Bearer a||",
                           "n,,|a1=x|auth=Bearer a||",
                           "n,,|x=\x02|auth=Bearer a||",
                           "n,,|x|auth=Bearer a||",
                           "n,,|AUTH=Bearer a||"}) {
    const auto message = parse(text);
    ASSERT_FALSE(message) << text;
    EXPECT_EQ(message.error().code, ErrorCode::ProtocolViolation);
  }
  EXPECT_FALSE(
      parse_bearer_message(std::string("n,a=x\0y,\x01"
                                       "auth=Bearer a\x01\x01",
                                       24)));
}

}  // namespace
}  // namespace server::auth::oauth
