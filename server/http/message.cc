#include "server/http/message.h"

#include <algorithm>
#include <utility>

#include "engine/json/json_writer.h"

namespace server::http {

std::string_view Request::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &Header::name);
  return found == headers.end() ? std::string_view() : found->value;
}

Response json_response(std::string body, int status) {
  return {.head = {.status = status}, .body = std::move(body)};
}

Response error_response(int code, std::string_view message) {
  engine::JsonWriter json;
  json.begin_object();
  json.member("@type", "generic_error");
  json.member("error_code", code);
  json.member("message", message);
  json.end_object();
  return json_response(json.take(), code / 100);
}

std::string_view reason_phrase(int status) {
  constexpr std::pair<int, std::string_view> kPhrases[] = {
      {100, "Continue"},
      {200, "OK"},
      {204, "No Content"},
      {307, "Temporary Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Payload Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Entity"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
  };
  const auto* found = std::ranges::find(kPhrases, status, &std::pair<int, std::string_view>::first);
  return found == std::end(kPhrases) ? std::string_view() : found->second;
}

namespace {

// Returns the values of `name` in a query, in order, still encoded.
std::vector<std::string> encoded_values(std::string_view query, std::string_view name) {
  std::vector<std::string> values;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::string_view key = pair.substr(0, pair.find('='));
    if (percent_decoded(key) != name) continue;
    std::string value(pair.substr(std::min(pair.size(), key.size() + 1)));
    std::ranges::replace(value, '+', ' ');
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace

std::vector<std::string> query_values(std::string_view query, std::string_view name) {
  std::vector<std::string> values = encoded_values(query, name);
  for (std::string& value : values) value = percent_decoded(value).value_or("");
  return values;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  const std::vector<std::string> values = encoded_values(query, name);
  return values.empty() ? std::nullopt : percent_decoded(values.front());
}

std::optional<std::vector<Header>> query_parameters(std::string_view query) {
  std::vector<Header> parameters;
  while (!query.empty()) {
    std::string pair(query.substr(0, query.find('&')));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    std::ranges::replace(pair, '+', ' ');
    const size_t end = std::min(pair.find('='), pair.size());
    auto name = percent_decoded(std::string_view(pair).substr(0, end));
    auto value = percent_decoded(std::string_view(pair).substr(std::min(pair.size(), end + 1)));
    if (!name || !value) return std::nullopt;
    parameters.push_back({*std::move(name), *std::move(value)});
  }
  return parameters;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit(text[i + 1]), low = digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

}  // namespace server::http
