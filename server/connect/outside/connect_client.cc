#include "server/connect/outside/connect_client.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace server {

namespace {

constexpr size_t kMaxQuotedBytes = 200;  // of an answer that an error quotes

std::string without_controls(std::string_view text, size_t most) {
  std::string shown(text.substr(0, most));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = ' ';
  return shown;
}

// Decodes %XX. Invalid encodings are kept unchanged.
std::string decoded_user_info(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::SimpleHexAtoi({text.data() + i + 1, 2}, &value)) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

}  // namespace

std::string encoded_path_part(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
                          c == '_' || c == '.' || c == '~';
    if (is_plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

Result<std::vector<ConnectEndpoint>> parse_connect_urls(std::string_view urls) {
  std::vector<ConnectEndpoint> endpoints;
  for (size_t begin = 0, comma = 0; begin < urls.size(); begin = comma + 1) {
    comma = std::min(urls.find(',', begin), urls.size());
    std::string url(urls.substr(begin, comma - begin));
    absl::StripAsciiWhitespace(&url);
    while (url.ends_with('/')) url.pop_back();
    const size_t scheme = url.find("://");
    const bool is_http =
        scheme != url.npos && (url.substr(0, scheme) == "http" || url.substr(0, scheme) == "https");
    if (!is_http || scheme + 3 == url.size() || url.find_first_of(" \t\r\n?#\"") != url.npos)
      return Error{ErrorCode::InvalidParameter,
                   "the URL of a Kafka Connect cluster must have the form http://HOST:PORT or "
                   "https://HOST:PORT",
                   {},
                   "Separate the URLs of several workers with commas."};
    ConnectEndpoint endpoint;
    const size_t host = scheme + 3;
    const size_t end = std::min(url.find('/', host), url.size());
    const size_t at = url.rfind('@', end);
    if (at != url.npos && at >= host) {
      endpoint.user_and_password = decoded_user_info(url.substr(host, at - host));
      url.erase(host, at + 1 - host);
    }
    endpoint.url = std::move(url);
    endpoints.push_back(std::move(endpoint));
  }
  if (endpoints.empty())
    return Error{ErrorCode::InvalidParameter, "no URL of a Kafka Connect cluster is given"};
  return endpoints;
}

struct ConnectClient::Call {
  std::string method, path, body;
  Done done;
  size_t endpoint = 0, tried = 0;
  std::string answer = {};
};

ConnectClient::ConnectClient(std::vector<ConnectEndpoint> endpoints, Limits limits)
    : endpoints_(std::move(endpoints)), limits_(limits), http_(std::make_unique<HttpThread>()) {
  for (const ConnectEndpoint& each : endpoints_) url_ += (url_.empty() ? "" : ",") + each.url;
}

ConnectClient::~ConnectClient() = default;

void ConnectClient::stop() { http_->stop(); }

void ConnectClient::ask(std::string method, std::string path, std::string body, Done done) {
  send(std::make_shared<Call>(
      Call{std::move(method), std::move(path), std::move(body), std::move(done), preferred_}));
}

void ConnectClient::send(const std::shared_ptr<Call>& call) {
  const ConnectEndpoint& endpoint = endpoints_[call->endpoint];
  HttpThread::Request request;
  request.url = endpoint.url + call->path;
  request.body = call->body;
  request.method = call->method;
  request.accept = "application/json";
  request.user_and_password = endpoint.user_and_password;
  request.timeout_ms = limits_.timeout_ms;
  request.connect_timeout_ms = limits_.connect_timeout_ms;
  request.max_answer_bytes = limits_.max_answer_bytes;
  request.on_bytes = [call](std::string_view bytes) { call->answer += bytes; };
  request.on_end = [this, call](const HttpEnd& end) {
    const std::string& url = endpoints_[call->endpoint].url;
    if (end.status != 0) {
      preferred_ = call->endpoint;
      return call->done(read(url, end.status, call->answer));
    }
    if (++call->tried < endpoints_.size()) {
      call->endpoint = (call->endpoint + 1) % endpoints_.size();
      call->answer.clear();
      return send(call);
    }
    call->done(Error{ErrorCode::NetworkFailure,
                     fmt::format("the Kafka Connect cluster at {} does not answer: {}", url,
                                 without_controls(end.error, kMaxQuotedBytes)),
                     {},
                     "--connect-url has the addresses of its workers."});
  };
  http_->start(std::move(request));
}

Result<ConnectReply> ConnectClient::read(const std::string& url, int status,
                                         std::string_view body) const {
  if (status == 401 || status == 403)
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("the Kafka Connect cluster at {} refuses the credentials (status {})",
                             url, status),
                 {},
                 "Set a name and a password in the file of --connect-credentials-file, or in the "
                 "URL."};
  if (body.empty()) return ConnectReply{status, {}};
  auto tree = engine::parse_json_tree(body);
  const bool is_error = status < 200 || status >= 300;
  if (!tree || (is_error && !tree->find("message")))
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("{} answers {} with \"{}\", which no Kafka Connect worker sends", url,
                             status, without_controls(body, kMaxQuotedBytes)),
                 {},
                 "--connect-url has the addresses of the workers' REST API."};
  return ConnectReply{status, *std::move(tree)};
}

}  // namespace server
