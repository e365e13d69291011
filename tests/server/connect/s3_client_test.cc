#include <gtest/gtest.h>

#include "server/connect/ports.h"
#include "server/connect/s3/s3_client.h"
#include "server/connect/s3/signature.h"

namespace server {
namespace {

// The credentials of the examples in Amazon's documentation
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
constexpr S3Signer kSigner{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "",
                           "us-east-1"};
constexpr int64_t kExampleMs = 1'369'353'600'000;  // 2013-05-24T00:00:00Z

std::string authorization(const S3Request& request) {
  for (const auto& [name, value] : signed_headers(request, kSigner, kExampleMs))
    if (name == "Authorization") return value;
  return {};
}

TEST(S3Signature, the_signatures_are_those_of_amazons_examples) {
  S3Request get;
  get.method = "GET";
  get.host = "examplebucket.s3.amazonaws.com";
  get.path = "/test.txt";
  get.headers = {{"range", "bytes=0-9"}};
  EXPECT_EQ(authorization(get),
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  S3Request list;
  list.method = "GET";
  list.host = "examplebucket.s3.amazonaws.com";
  list.path = "/";
  list.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_TRUE(authorization(list).ends_with(
      "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
      << authorization(list);
  S3Request put;
  put.method = "PUT";
  put.host = "examplebucket.s3.amazonaws.com";
  put.path = "/test%24file.text";
  put.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  put.body = "Welcome to Amazon S3.";
  EXPECT_TRUE(authorization(put).ends_with(
      "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"))
      << authorization(put);
}

engine::S3Bucket bucket() {
  engine::S3Bucket made;
  made.endpoint = "http://store:9000";
  made.name = "lake";
  made.region = "eu-west-1";
  return made;
}
Error error_of(int status, const std::string& code, const std::string& more = {}) {
  const std::string body = "<?xml version=\"1.0\"?><Error><Code>" + code +
                           "</Code><Message>a &amp; b</Message>" + more + "</Error>";
  return s3_error(bucket(), {status, {}, code.empty() ? "<html>" : body}, kExampleMs);
}

TEST(S3Errors, an_error_names_the_bucket_and_whether_a_repetition_helps) {
  EXPECT_EQ(error_of(403, "SignatureDoesNotMatch").message,
            "bucket lake: SignatureDoesNotMatch: a & b");
  EXPECT_TRUE(is_permanent(error_of(403, "SignatureDoesNotMatch")));
  EXPECT_TRUE(is_permanent(error_of(400, "ExpiredToken")));
  EXPECT_EQ(error_of(404, "NoSuchBucket").message,
            "bucket lake does not exist at http://store:9000");
  EXPECT_TRUE(is_permanent(error_of(404, "NoSuchBucket")));
  EXPECT_EQ(error_of(400, "AuthorizationHeaderMalformed", "<Region>us-east-2</Region>").message,
            "bucket lake is in the region us-east-2");
  EXPECT_FALSE(is_permanent(error_of(503, "SlowDown")));
  EXPECT_FALSE(is_permanent(error_of(400, "RequestTimeout")));
  EXPECT_TRUE(is_permanent(error_of(400, "InvalidArgument")));
  EXPECT_EQ(error_of(500, "").message, "bucket lake: the answer has the status 500: <html>");
  const Error unreachable = s3_error(bucket(), {0, "connection refused", {}}, kExampleMs);
  EXPECT_EQ(unreachable.message, "http://store:9000: connection refused");
  EXPECT_FALSE(is_permanent(unreachable));
}

TEST(S3Errors, a_wrong_clock_is_named_with_its_difference) {
  const Error ahead =
      error_of(403, "RequestTimeTooSkewed", "<ServerTime>2013-05-23T23:38:00Z</ServerTime>");
  EXPECT_EQ(ahead.message,
            "bucket lake: RequestTimeTooSkewed: the clock of this machine is 22 min ahead");
  EXPECT_FALSE(is_permanent(ahead));
  EXPECT_TRUE(error_of(403, "RequestTimeTooSkewed", "<ServerTime>2013-05-24T01:00:00Z</ServerTime>")
                  .message.ends_with("60 min behind"));
  EXPECT_TRUE(error_of(403, "RequestTimeTooSkewed").message.ends_with("is wrong"));
}

}  // namespace
}  // namespace server
