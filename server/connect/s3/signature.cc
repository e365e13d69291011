#include "server/connect/s3/signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "engine/types/text_bytes.h"
#include "server/auth/digest.h"

namespace server {

namespace {

constexpr std::string_view kS3Algorithm = "AWS4-HMAC-SHA256";

std::string hex_text(std::string_view bytes) {
  std::string text;
  engine::append_hex(text, bytes, engine::HexCase::Lower);
  return text;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  return auth::hmac(auth::Hash::Sha256, key, text);
}

// Returns the time as 20130524T000000Z.
std::string basic_time(int64_t now_ms) {
  using namespace std::chrono;
  const auto now = floor<seconds>(sys_time<milliseconds>{milliseconds{now_ms}});
  const auto day = floor<days>(now);
  const year_month_day date{day};
  const hh_mm_ss time{now - day};
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

}  // namespace

std::string s3_query_text(const S3Request& request) {
  auto query = request.query;
  std::ranges::sort(query);
  std::string text;
  for (const auto& [name, value] : query)
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

std::vector<std::pair<std::string, std::string>> signed_headers(const S3Request& request,
                                                                const S3Signer& signer,
                                                                int64_t now_ms) {
  const std::string time = basic_time(now_ms);
  constexpr size_t kDateSize = 8;
  const std::string date = time.substr(0, kDateSize);
  const std::string body_hash = hex_text(auth::digest(auth::Hash::Sha256, request.body));
  auto headers = request.headers;
  headers.emplace_back("host", request.host);
  headers.emplace_back("x-amz-date", time);
  headers.emplace_back("x-amz-content-sha256", body_hash);
  if (!signer.session_token.empty())
    headers.emplace_back("x-amz-security-token", signer.session_token);
  std::ranges::sort(headers);
  std::string lines, names;
  for (const auto& [name, value] : headers) {
    lines += fmt::format("{}:{}\n", name, value);
    names += fmt::format("{}{}", names.empty() ? "" : ";", name);
  }
  const std::string canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path,
                                            s3_query_text(request), lines, names, body_hash);
  const std::string scope = fmt::format("{}/{}/s3/aws4_request", date, signer.region);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kS3Algorithm, time, scope,
                                          hex_text(auth::digest(auth::Hash::Sha256, canonical)));
  const std::string day_key = hmac_sha256(fmt::format("AWS4{}", signer.secret_access_key), date);
  const std::string key =
      hmac_sha256(hmac_sha256(hmac_sha256(day_key, signer.region), "s3"), "aws4_request");
  // libcurl sets the header Host from the URL.
  std::erase_if(headers, [](const auto& header) { return header.first == "host"; });
  headers.emplace_back(
      "Authorization",
      fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kS3Algorithm,
                  signer.access_key_id, scope, names, hex_text(hmac_sha256(key, to_sign))));
  return headers;
}

}  // namespace server
