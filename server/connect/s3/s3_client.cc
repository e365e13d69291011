#include "server/connect/s3/s3_client.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include <memory>
#include <optional>

#include "engine/connect/secrets.h"
#include "server/http_client/http_endpoints.h"

namespace server {

namespace {

constexpr int64_t kLongestS3PauseMs = 30'000;
constexpr int64_t kS3ConnectTimeoutMs = 10'000;
// Time limit of a request with an object of the largest size (64 MB) over a slow line.
constexpr int64_t kS3RequestTimeoutMs = 300'000;
constexpr size_t kS3AnswerBytes = 64 << 10;
constexpr size_t kShownS3Bytes = 200;

bool has_succeeded(int status) { return status >= 200 && status < 300; }

// Encodes a name as a path: each part, and the slashes as they are.
std::string object_path(std::string_view name) {
  std::string path;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    path += "/" + percent_encoded(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return path;
}

// The answers after which the same request may succeed a moment later
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
bool may_repeat(const S3Answer& answer) {
  constexpr int kTooMany = 429, kFirstOfServer = 500, kNotImplemented = 501;
  return answer.status == 0 || answer.status == kTooMany ||
         (answer.status >= kFirstOfServer && answer.status != kNotImplemented) ||
         s3_xml_text(answer.body, "Code") == "RequestTimeout";
}

// Parses 2026-12-01T13:00:00Z. Returns nothing for another text.
std::optional<int64_t> xml_time_ms(std::string_view text) {
  constexpr size_t kSize = 20;
  if (text.size() < kSize || text.back() != 'Z') return std::nullopt;
  const auto number = [&](size_t at, size_t size) {
    int value = -1;
    std::from_chars(text.data() + at, text.data() + at + size, value);
    return value;
  };
  using namespace std::chrono;
  const year_month_day date{year{number(0, 4)}, month{static_cast<unsigned>(number(5, 2))},
                            day{static_cast<unsigned>(number(8, 2))}};
  if (!date.ok()) return std::nullopt;
  const auto time =
      sys_days{date} + hours{number(11, 2)} + minutes{number(14, 2)} + seconds{number(17, 2)};
  return duration_cast<milliseconds>(time.time_since_epoch()).count();
}

// Returns the difference between the clocks in words; empty if the answer does not contain the time of the service.
std::string clock_difference(const S3Answer& answer, int64_t now_ms) {
  const auto there_ms = xml_time_ms(s3_xml_text(answer.body, "ServerTime"));
  if (!there_ms) return "the clock of this machine is wrong";
  constexpr int64_t kMsOfMinute = 60'000;
  const int64_t minutes = (now_ms - *there_ms) / kMsOfMinute;
  return fmt::format("the clock of this machine is {} min {}", minutes < 0 ? -minutes : minutes,
                     minutes < 0 ? "behind" : "ahead");
}

}  // namespace

std::string s3_xml_text(std::string_view xml, std::string_view element) {
  const std::string open = fmt::format("<{}>", element), close = fmt::format("</{}>", element);
  const size_t begin = xml.find(open);
  if (begin == xml.npos) return {};
  const size_t end = xml.find(close, begin);
  if (end == xml.npos) return {};
  std::string text(xml.substr(begin + open.size(), end - begin - open.size()));
  absl::StrReplaceAll(
      {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}}, &text);
  return text;
}

Error s3_error(const engine::S3Bucket& bucket, const S3Answer& answer, int64_t now_ms) {
  constexpr int kForbidden = 403, kNotFound = 404;
  if (answer.status == 0)
    return {ErrorCode::NetworkFailure, fmt::format("{}: {}", bucket.endpoint, answer.error)};
  const std::string code = printable(s3_xml_text(answer.body, "Code"), kShownS3Bytes);
  const std::string message = printable(s3_xml_text(answer.body, "Message"), kShownS3Bytes);
  const std::string what =
      code.empty() ? fmt::format("bucket {}: the answer has the status {}: {}", bucket.name,
                                 answer.status, printable(answer.body, kShownS3Bytes))
                   : fmt::format("bucket {}: {}: {}", bucket.name, code, message);
  // Not a permanent error: the clock can be corrected while the task runs.
  if (code == "RequestTimeTooSkewed")
    return {ErrorCode::NetworkFailure,
            fmt::format("bucket {}: {}: {}", bucket.name, code, clock_difference(answer, now_ms)),
            {},
            "Services accept a difference of 15 minutes."};
  if (code == "NoSuchBucket")
    return {ErrorCode::InvalidParameter,
            fmt::format("bucket {} does not exist at {}", bucket.name, bucket.endpoint),
            {},
            "Create the bucket, or correct \"s3.bucket.name\"; then restart the connector."};
  const std::string region = printable(s3_xml_text(answer.body, "Region"), kShownS3Bytes);
  if (code == "PermanentRedirect" || code == "AuthorizationHeaderMalformed" ||
      code == "IllegalLocationConstraintException" || (answer.status > 300 && answer.status < 400))
    return {
        ErrorCode::InvalidParameter,
        region.empty() ? what : fmt::format("bucket {} is in the region {}", bucket.name, region),
        {},
        fmt::format("Correct \"s3.region\" ({}) or \"store.url\"; then restart the connector.",
                    bucket.region)};
  if (answer.status == kForbidden || code == "ExpiredToken" || code == "InvalidToken")
    return {ErrorCode::InsufficientPrivilege,
            what,
            {},
            "Correct the key or its rights (s3:ListBucket, s3:GetObject, s3:PutObject), then run "
            "RESTART CONNECTOR."};
  if (may_repeat(answer)) return {ErrorCode::NetworkFailure, what};
  if (answer.status == kNotFound && code.empty())
    return {ErrorCode::InvalidParameter, what, {}, "Is \"store.url\" the address of the service?"};
  return {ErrorCode::InvalidParameter, what};
}

S3Client::S3Client(engine::S3Bucket bucket, bool may_reach_private_addresses, const Clock& clock,
                   TaskWait wait)
    : bucket_(std::move(bucket)),
      may_reach_private_addresses_(may_reach_private_addresses),
      clock_(clock),
      wait_(std::move(wait)) {
  const size_t host = bucket_.endpoint.find("://") + 3;
  scheme_ = bucket_.endpoint.substr(0, host);
  host_ = bucket_.endpoint.substr(host);
  // libcurl leaves the port of the scheme out of the header Host, which is signed.
  const std::string_view port = scheme_ == "https://" ? ":443" : ":80";
  if (host_.ends_with(port)) host_.resize(host_.size() - port.size());
  if (!bucket_.is_path_style) host_ = bucket_.name + "." + host_;
}

S3Request S3Client::request_for(std::string method, const std::string& object) const {
  S3Request request;
  request.method = std::move(method);
  request.host = host_;
  if (bucket_.is_path_style) request.path = object_path(bucket_.name);
  if (!object.empty()) request.path += object_path(object);
  if (request.path.empty()) request.path = "/";
  return request;
}

Error S3Client::error_of(const S3Answer& answer) const {
  Error error = s3_error(bucket_, answer, clock_.wall_ms());
  // The token is sent with each request, and an answer may repeat it. So it is hidden in the error.
  if (!bucket_.session_token.empty())
    absl::StrReplaceAll({{bucket_.session_token, std::string(engine::kHiddenValue)}},
                        &error.message);
  return error;
}

Result<S3Answer> S3Client::ask_once(const S3Request& request) {
  struct Call {
    S3Answer answer;
    std::promise<void> done;
  };
  const auto call = std::make_shared<Call>();
  HttpThread::Request sent;
  const std::string query = s3_query_text(request);
  sent.url = scheme_ + request.host + request.path + (query.empty() ? "" : "?" + query);
  sent.method = request.method;
  sent.body = request.body;
  sent.content_type.clear();  // among the headers
  sent.headers = signed_headers(
      request,
      {bucket_.access_key_id, bucket_.secret_access_key, bucket_.session_token, bucket_.region},
      clock_.wall_ms());
  sent.timeout_ms = kS3RequestTimeoutMs;
  sent.connect_timeout_ms = kS3ConnectTimeoutMs;
  sent.allows_private_addresses = may_reach_private_addresses_;
  sent.on_bytes = [call](std::string_view bytes) {
    call->answer.body += bytes.substr(0, kS3AnswerBytes - call->answer.body.size());
  };
  sent.on_end = [call](const HttpEnd& end) {
    call->answer.status = end.status;
    call->answer.error = end.error;
    call->done.set_value();
  };
  const std::future<void> done = call->done.get_future();
  const uint64_t number = http_.start(std::move(sent));
  constexpr auto kCheckInterval = std::chrono::milliseconds(100);
  while (done.wait_for(kCheckInterval) != std::future_status::ready) {
    if (wait_.wait_for(0)) continue;
    http_.cancel(number);
    return Error{ErrorCode::ShuttingDown, "the connector is stopping"};
  }
  return std::move(call->answer);
}

Result<S3Answer> S3Client::ask(const S3Request& request) {
  int64_t pause_ms = bucket_.backoff_ms;
  for (int64_t retries = 0;; ++retries) {
    S3Answer answer = TRY(ask_once(request));
    if (has_succeeded(answer.status) || !may_repeat(answer) || retries >= bucket_.retries)
      return answer;
    wait_.on_retry(error_of(answer));
    if (!wait_.wait_for(pause_ms))
      return Error{ErrorCode::ShuttingDown, "the connector is stopping"};
    pause_ms = std::min(2 * pause_ms, kLongestS3PauseMs);
  }
}

Status S3Client::check_bucket() {
  S3Request request = request_for("GET", {});
  request.query = {{"list-type", "2"}, {"max-keys", "1"}};
  if (!bucket_.is_path_style) request.path = "/";
  const S3Answer answer = TRY(ask(request));
  return has_succeeded(answer.status) ? Status{} : Status(error_of(answer));
}

Result<bool> S3Client::has_object(const std::string& name) {
  constexpr int kNotFound = 404;
  const S3Answer answer = TRY(ask(request_for("HEAD", name)));
  if (has_succeeded(answer.status)) return true;
  // The answer to HEAD has no body with the reason, and 404 may mean that the bucket does not exist.
  if (answer.status != 0) TRY(check_bucket());
  if (answer.status == kNotFound) return false;
  Error error = error_of(answer);
  if (answer.status != 0)
    error.message = fmt::format("bucket {}: a look-up of {} is refused with the status {}",
                                bucket_.name, name, answer.status);
  return error;
}

Status S3Client::put_object(const std::string& name, const std::string& bytes) {
  S3Request request = request_for("PUT", name);
  request.headers.emplace_back("content-type", "application/octet-stream");
  if (!bucket_.encryption.empty())
    request.headers.emplace_back("x-amz-server-side-encryption", bucket_.encryption);
  if (!bucket_.encryption_key.empty())
    request.headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id",
                                 bucket_.encryption_key);
  request.body = bytes;
  const S3Answer answer = TRY(ask(request));
  return has_succeeded(answer.status) ? Status{} : Status(error_of(answer));
}

}  // namespace server
