// A request and an answer as handlers see them, in any version of HTTP.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace server::http {

class AuditRing;

struct Header {
  std::string name, value;  // the name in lower case
};

struct Request {
  std::string method;
  std::string path;   // decoded, without the query
  std::string query;  // as received: the text after the question mark
  std::vector<Header> headers;
  std::string body;  // empty if the route takes the body in pieces
  // The parts of the path that match the {name} parts of the route, in order.
  std::vector<std::string> path_parameters = {};
  bool is_http2 = false;
  // The name of the user. If the server does not check users, it stays "http", and every client may
  // do everything.
  std::string user = "http";
  bool has_rights_of_user = false;
  // --- Set by the gate (gate.h).
  bool is_of_own_page = false;  // the browser states that a page of this server sent the request
  bool may_use_cookie = false;  // a cookie may authorise the request
  // --- Set by the guard (guard.h).
  bool is_read_only = false;  // the console that sent the request may only read
  // The name of the console's session in the audit; empty: the request is not audited.
  std::string audited_session = {};
  AuditRing* audit_ring = nullptr;  // set with audited_session; outlives the request

  // Returns the value of the first header with the name; empty if the request has no such header.
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
// JSON, except that rows are Protobuf messages.
inline constexpr std::string_view kKsqlProtobuf = "application/vnd.ksql.v1+protobuf";
// Server-sent events (the HTML standard), which a page reads with EventSource.
inline constexpr std::string_view kEventStream = "text/event-stream";
inline constexpr std::string_view kDelimited = "application/vnd.ksqlapi.delimited.v1";

Response json_response(std::string body, int status = 200);

// The error numbers of ksqlDB: an HTTP status followed by two digits.
namespace error_code {
inline constexpr int kBadRequest = 40000, kBadStatement = 40001, kQueryEndpoint = 40002,
                     kForbidden = 40301, kNotFound = 40400, kMethodNotAllowed = 40500,
                     kTimeout = 40800, kTooLarge = 41300, kLongPath = 41400, kLargeHead = 43100,
                     kServerError = 50000, kNotSupported = 50100, kNotReady = 50300,
                     kShuttingDown = 50302;
}
// Returns an error of the request itself, not of a statement, in ksqlDB's form. The HTTP status is
// the first three digits of the number.
Response error_response(int code, std::string_view message);

// Returns the text of a status, such as "Not Found"; empty for an unknown status.
std::string_view reason_phrase(int status);

// Returns the decoded value of `name` in a query ("deleted=true&limit=5"), the first of several;
// nothing if the query has no such name.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
// Returns all values of `name`, in order; a value with an invalid encoding is empty.
std::vector<std::string> query_values(std::string_view query, std::string_view name);

// Returns every parameter of a query, decoded, in order; nothing if one has an invalid encoding.
std::optional<std::vector<Header>> query_parameters(std::string_view query);

// Decodes %XX; returns nothing if an encoding is invalid.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace server::http
