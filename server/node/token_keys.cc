#include "server/node/token_keys.h"

#include <fmt/format.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/log.h"
#include "server/auth/oauth/key_set.h"
#include "server/auth/oauth/signatures.h"
#include "server/http_client/http_thread.h"
#include "server/node/node_access.h"

namespace server {

namespace {

constexpr std::string_view kFile = "file://", kHttp = "http://", kHttps = "https://";

Error refused_keys(std::string why, std::string hint = {}) {
  return {ErrorCode::InvalidParameter, std::move(why), {}, std::move(hint)};
}

// Reads a file of keys, up to one byte more than kMostKeySetBytes, so that a file that is too long
// is detected.
Result<std::string> read_keys(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(auth::oauth::kMostKeySetBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || in.gcount() <= 0) return refused_keys(fmt::format("cannot read {}", path));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

// An HTTP request for the keys. The thread of the token checker waits for its answer. Shared with
// the HTTP thread.
struct Exchange {
  std::mutex mutex;
  std::condition_variable_any changed;
  // Guarded by mutex
  std::string body;
  std::optional<HttpEnd> end;
};

Result<std::string> fetch_keys(HttpThread& http, const std::string& url,
                               const std::stop_token& stop) {
  constexpr int64_t kTimeoutMs = 10'000, kConnectTimeoutMs = 3'000;
  const auto exchange = std::make_shared<Exchange>();
  HttpThread::Request request;
  request.url = url;
  request.timeout_ms = kTimeoutMs;
  request.method = "GET";
  request.accept = "application/json";
  request.max_answer_bytes = auth::oauth::kMostKeySetBytes;
  request.connect_timeout_ms = kConnectTimeoutMs;
  request.on_bytes = [exchange](std::string_view bytes) {
    const std::lock_guard lock(exchange->mutex);
    exchange->body += bytes;
  };
  request.on_end = [exchange](const HttpEnd& end) {
    const std::lock_guard lock(exchange->mutex);
    exchange->end = end;
    exchange->changed.notify_all();
  };
  const uint64_t number = http.start(std::move(request));
  std::unique_lock lock(exchange->mutex);
  if (!exchange->changed.wait(lock, stop, [&] { return exchange->end.has_value(); })) {
    http.cancel(number);
    return Error{ErrorCode::ShuttingDown, "the server is stopping"};
  }
  constexpr int kOk = 200;
  if (exchange->end->status == 0) return refused_keys(exchange->end->error);
  if (exchange->end->status != kOk)
    return refused_keys(fmt::format("the answer has HTTP status {}", exchange->end->status));
  return std::move(exchange->body);
}

// Whether the request may pass through other machines, because the host of the URL is not this
// machine.
bool is_remote(std::string_view url) {
  url.remove_prefix(kHttp.size());
  return !url.starts_with("localhost") && !url.starts_with("127.") && !url.starts_with("[::1]");
}

}  // namespace

Status check_tokens(const NodeSettings::Tokens& settings) {
  constexpr std::string_view kUrlFlag = "--sasl-oauthbearer-jwks-endpoint-url";
  const std::string& url = settings.keys_url;
  const bool is_file = url.starts_with(kFile) && url.substr(kFile.size()).starts_with('/');
  const bool is_http = url.starts_with(kHttp) || url.starts_with(kHttps);
  if (!url.empty() && !is_file && !is_http)
    return refused_keys(fmt::format("{} \"{}\" is not a URL", kUrlFlag, url),
                        "Use https://HOST/PATH, http://HOST/PATH or file:///PATH.");
  if (is_http && url.find_first_of("@ \t") != std::string::npos)
    return refused_keys(fmt::format("{} must not have a user, a password or blanks", kUrlFlag));
  if (!url.empty() || !settings.secret_file.empty()) return {};
  if (settings.audiences.empty() && settings.issuer.empty()) return {};
  return refused_keys(
      fmt::format("--sasl-oauthbearer-expected-audience and "
                  "--sasl-oauthbearer-expected-issuer require {}",
                  kUrlFlag));
}

Result<std::unique_ptr<auth::oauth::TokenChecker>> open_tokens(const NodeSettings::Tokens& settings,
                                                               const Clock& clock) {
  const std::string& url = settings.keys_url;
  std::unique_ptr<auth::oauth::TokenChecker> checker;
  if (url.empty() && settings.secret_file.empty()) return checker;
  auth::oauth::TokenRules rules{settings.audiences, settings.issuer, settings.clock_skew_s,
                                settings.user_claim};
  if (!settings.secret_file.empty()) {
    rules.secret = TRY(read_password(settings.secret_file));
    if (rules.secret.size() < auth::oauth::kLeastSecretBytes)
      return refused_keys(fmt::format("the secret in {} has less than {} bytes",
                                      settings.secret_file, auth::oauth::kLeastSecretBytes));
  }
  auth::oauth::FetchKeys fetch;
  if (url.starts_with(kFile)) {
    const std::string path = url.substr(kFile.size());
    const auto keys = auth::oauth::KeySet::parse(TRY(read_keys(path)));
    if (!keys)
      return refused_keys(fmt::format("{}: {}", path, keys.error().message), keys.error().hint);
    fetch = [path](const std::stop_token&) { return read_keys(path); };
  } else if (!url.empty()) {
    fetch = [http = std::make_shared<HttpThread>(), url](const std::stop_token& stop) {
      return fetch_keys(*http, url, stop);
    };
    if (url.starts_with(kHttp) && is_remote(url))
      log_warn(
          "keys of tokens are fetched without TLS, so machines in between can replace them "
          "url={}",
          url);
  }
  if (settings.audiences.empty())
    log_warn(
        "tokens for other services are accepted: sasl-oauthbearer-expected-audience is not "
        "set");
  return std::make_unique<auth::oauth::TokenChecker>(
      std::move(rules), url, std::move(fetch),
      auth::oauth::RefreshTimes{.refresh_ms = settings.refresh_ms}, clock);
}

}  // namespace server
