// Signs requests to S3 and compatible services: AWS Signature Version 4
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace server {

// A request as it is sent. S3 encodes a path once, so the path of the URL is also the canonical one.
struct S3Request {
  std::string method;
  std::string host;  // value of the header Host, with the port if it is not that of the scheme
  std::string path;  // percent-encoded
  // Names and values, percent-encoded.
  std::vector<std::pair<std::string, std::string>> query;
  // Further headers to be signed. The names are in lower case, and the values have no blanks at their ends.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;
};

struct S3Signer {
  std::string_view access_key_id, secret_access_key;
  std::string_view session_token;  // empty: none
  std::string_view region;
};

// Returns all headers of the request except Host: those of the request, x-amz-date, x-amz-content-sha256,
// x-amz-security-token for temporary credentials, and Authorization. `now_ms` is the time in milliseconds since 1970-01-01
// UTC; services refuse a request whose time differs from theirs by more than 15 minutes.
std::vector<std::pair<std::string, std::string>> signed_headers(const S3Request& request,
                                                                const S3Signer& signer,
                                                                int64_t now_ms);

// Returns the query as it is in the URL, sorted by encoded name as the signature needs it.
std::string s3_query_text(const S3Request& request);

}  // namespace server
