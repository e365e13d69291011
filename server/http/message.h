// A request and an answer, as handlers see them, whatever version of HTTP the client speaks.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace server::http {

struct Header {
  std::string name, value;  // the name in lower case
};

struct Request {
  std::string method;
  std::string path;   // decoded, without the query
  std::string query;  // as it came: what follows the question mark
  std::vector<Header> headers;
  std::string body;  // empty where the route takes it in pieces
  // What stood in the path where the route has {name}, in its order.
  std::vector<std::string> path_parameters = {};
  bool is_http2 = false;
  // Who asks, where that is looked at; else anybody may do everything.
  std::string user = "http";
  bool has_rights_of_user = false;

  // Of the first header with the name; empty when there is none.
  std::string_view header(std::string_view name) const;
};

struct ResponseHead {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers = {};
};

struct Response {
  ResponseHead head;
  std::string body;
};

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kKsqlJson = "application/vnd.ksql.v1+json";
// JSON, but for the rows.
inline constexpr std::string_view kKsqlProtobuf = "application/vnd.ksql.v1+protobuf";
// Server-sent events (the HTML standard), which a page reads with EventSource.
inline constexpr std::string_view kEventStream = "text/event-stream";
inline constexpr std::string_view kDelimited = "application/vnd.ksqlapi.delimited.v1";

Response json_response(std::string body, int status = 200);

// The numbers that ksqlDB gives to what goes wrong: an HTTP status and two digits more.
namespace error_code {
inline constexpr int kBadRequest = 40000, kBadStatement = 40001, kQueryEndpoint = 40002,
                     kForbidden = 40301, kNotFound = 40400, kMethodNotAllowed = 40500,
                     kTimeout = 40800, kTooLarge = 41300, kLongPath = 41400, kLargeHead = 43100,
                     kServerError = 50000, kNotSupported = 50100, kNotReady = 50300,
                     kShuttingDown = 50302;
}
// As ksqlDB tells errors that are not about a statement. The status is that of the number.
Response error_response(int code, std::string_view message);

// "Not Found"; empty for a number that nobody knows.
std::string_view reason_phrase(int status);

// What `name` is in a query, decoded ("deleted=true&limit=5"); nothing where it is not. Of several the first.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
// All of them, in order; one that is not encoded as it should be is empty.
std::vector<std::string> query_values(std::string_view query, std::string_view name);

// Every parameter of a query, decoded, in order; nothing when one is not encoded as it should be.
std::optional<std::vector<Header>> query_parameters(std::string_view query);

// Puts the bytes that %XX stand for in place; nothing when one of them is no such thing.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace server::http
