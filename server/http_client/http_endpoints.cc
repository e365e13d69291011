#include "server/http_client/http_endpoints.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace server {

namespace {

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

Result<std::vector<HttpEndpoint>> parse_http_endpoints(std::string_view urls,
                                                       std::string_view service) {
  std::vector<HttpEndpoint> endpoints;
  for (size_t begin = 0, comma = 0; begin < urls.size(); begin = comma + 1) {
    comma = std::min(urls.find(',', begin), urls.size());
    std::string url(urls.substr(begin, comma - begin));
    absl::StripAsciiWhitespace(&url);
    while (url.ends_with('/')) url.pop_back();
    const size_t scheme = url.find("://");
    const bool is_http =
        scheme != url.npos && (url.substr(0, scheme) == "http" || url.substr(0, scheme) == "https");
    if (!is_http || scheme + 3 == url.size() || url.find_first_of(" \t\r\n?#\"") != url.npos)
      return Error{
          ErrorCode::InvalidParameter,
          fmt::format("the URL of {} must have the form http://HOST:PORT or https://HOST:PORT",
                      service),
          {},
          "Separate several URLs with commas."};
    HttpEndpoint endpoint;
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
    return Error{ErrorCode::InvalidParameter, fmt::format("no URL of {} is given", service)};
  return endpoints;
}

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

std::string printable(std::string_view text, size_t max_bytes) {
  std::string shown(text.substr(0, max_bytes));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = ' ';
  return shown;
}

struct HttpEndpoints::Call {
  Request request;
  Done done;
  size_t endpoint = 0, tried = 0;
  HttpAnswer answer = {};
};

HttpEndpoints::HttpEndpoints(std::vector<HttpEndpoint> endpoints, Limits limits)
    : endpoints_(std::move(endpoints)), limits_(limits) {
  for (const HttpEndpoint& each : endpoints_) url_ += (url_.empty() ? "" : ",") + each.url;
}

void HttpEndpoints::ask(Request request, Done done) {
  send(std::make_shared<Call>(Call{std::move(request), std::move(done), preferred_}));
}

void HttpEndpoints::send(const std::shared_ptr<Call>& call) {
  const HttpEndpoint& endpoint = endpoints_[call->endpoint];
  HttpThread::Request request;
  request.url = endpoint.url + call->request.path;
  request.body = call->request.body;
  request.method = call->request.method;
  request.content_type = call->request.content_type;
  request.accept = call->request.accept;
  request.user_and_password = endpoint.user_and_password;
  request.timeout_ms = limits_.timeout_ms;
  request.connect_timeout_ms = limits_.connect_timeout_ms;
  request.max_answer_bytes = limits_.max_answer_bytes;
  request.on_bytes = [call](std::string_view bytes) { call->answer.body += bytes; };
  request.on_end = [this, call](const HttpEnd& end) {
    if (end.status == 0 && ++call->tried < endpoints_.size()) {
      call->endpoint = (call->endpoint + 1) % endpoints_.size();
      call->answer.body.clear();
      return send(call);
    }
    if (end.status != 0) preferred_ = call->endpoint;
    call->answer.url = endpoints_[call->endpoint].url;
    call->answer.status = end.status;
    call->answer.error = end.error;
    call->done(call->answer);
  };
  http_.start(std::move(request));
}

}  // namespace server
