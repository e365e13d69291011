#include "server/registry/registry_client.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <utility>

namespace server {

namespace {

// Limit for the bytes of a registry's message that an error quotes.
constexpr size_t kMaxMessage = 1'000;
// Limit for the bytes that an error quotes of an answer that is not a registry's.
constexpr size_t kMaxQuoted = 100;

std::string printable(std::string_view text, size_t most) {
  std::string shown(text.substr(0, most));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = ' ';
  return shown;
}

// Decodes %XX. Invalid encodings are kept unchanged.
std::string percent_decoded(std::string_view text) {
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

int32_t number_of(const engine::JsonTree& tree, std::string_view name) {
  const engine::JsonTree* node = tree.find(name);
  int32_t number = 0;
  return node && absl::SimpleAtoi(node->text, &number) ? number : 0;
}

}  // namespace

std::string percent_encoded(std::string_view text) {
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

Result<std::vector<RegistryEndpoint>> parse_registry_urls(std::string_view urls) {
  std::vector<RegistryEndpoint> endpoints;
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
                   "the URL of a schema registry must have the form http://HOST:PORT or "
                   "https://HOST:PORT",
                   {},
                   "Separate several URLs with commas."};
    RegistryEndpoint endpoint;
    const size_t host = scheme + 3;
    const size_t end = std::min(url.find('/', host), url.size());
    const size_t at = url.rfind('@', end);
    if (at != url.npos && at >= host) {
      endpoint.user_and_password = percent_decoded(url.substr(host, at - host));
      url.erase(host, at + 1 - host);
    }
    endpoint.url = std::move(url);
    endpoints.push_back(std::move(endpoint));
  }
  if (endpoints.empty())
    return Error{ErrorCode::InvalidParameter, "no URL of a schema registry is given"};
  return endpoints;
}

int RegistryReply::error_code() const { return number_of(body, "error_code"); }
std::string RegistryReply::message() const {
  return printable(body.text_of("message"), kMaxMessage);
}

struct RegistryClient::Call {
  std::string method, path, body;
  Done done;
  size_t endpoint = 0, tried = 0;
  std::string answer = {};
};

RegistryClient::RegistryClient(std::vector<RegistryEndpoint> endpoints, Limits limits)
    : endpoints_(std::move(endpoints)), limits_(limits), http_(std::make_unique<HttpThread>()) {
  for (const RegistryEndpoint& each : endpoints_) url_ += (url_.empty() ? "" : ",") + each.url;
}

RegistryClient::~RegistryClient() = default;

void RegistryClient::stop() { http_->stop(); }

void RegistryClient::ask(std::string method, std::string path, std::string body, Done done) {
  send(std::make_shared<Call>(
      Call{std::move(method), std::move(path), std::move(body), std::move(done), preferred_}));
}

void RegistryClient::send(const std::shared_ptr<Call>& call) {
  const RegistryEndpoint& endpoint = endpoints_[call->endpoint];
  HttpThread::Request request;
  request.url = endpoint.url + call->path;
  request.body = call->body;
  request.method = call->method;
  request.content_type = "application/vnd.schemaregistry.v1+json";
  request.accept = "application/vnd.schemaregistry.v1+json, application/json";
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
                     fmt::format("cannot send a request to the schema registry at {}: {}", url,
                                 printable(end.error, kMaxMessage))});
  };
  http_->start(std::move(request));
}

Result<RegistryReply> RegistryClient::read(const std::string& url, int status,
                                           std::string_view body) const {
  const auto strange = [&](std::string_view what) {
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("the schema registry at {} answered {} {}", url, status, what)};
  };
  if (status == 401 || status == 403) {
    Error refused = strange("to the credentials");
    refused.hint =
        "Set a name and a password in the URL, or in the file of "
        "--schema-registry-credentials-file.";
    return refused;
  }
  auto tree = engine::parse_json_tree(body);
  if (!tree)
    return strange(fmt::format("with text that is not JSON: \"{}\"", printable(body, kMaxQuoted)));
  RegistryReply reply{status, *std::move(tree)};
  if (status >= 200 && status < 300) return reply;
  if (status >= 400 && status < 500 && reply.error_code() != 0) return reply;
  const std::string message = reply.message();
  return strange(message.empty() ? "with a reply that no schema registry sends"
                                 : fmt::format("with \"{}\"", message));
}

}  // namespace server
